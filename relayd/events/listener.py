"""The daemon's one connection that listens to PostgreSQL, and comes back when it is lost.

It waits on the connection's socket in Trio itself: no thread is taken for what may last for
days. Connecting alone happens in a thread. Every daemon listens, so a change that any of them
made, or an operator's command, reaches every browser.
"""

from typing import Final
from uuid import UUID

import psycopg
import trio
from psycopg import pq

from relayd import logs
from relayd.background import keep
from relayd.errors import DatabaseUnavailable
from relayd.events.hub import Hub

__all__ = ["CREDIT", "SIGN_IN", "listen"]

log = logs.get(__name__)

# Channels; what is told on them is an id as text.
CREDIT: Final = "relayd_credit"
SIGN_IN: Final = "relayd_sign_in"

# Between attempts to connect: a restart of PostgreSQL is over in a few seconds.
AGAIN_SECONDS: Final = 2.0


async def listen(conninfo: str, hub: Hub) -> None:
    """Pass on what the database tells, until cancelled.

    ``conninfo`` must reach PostgreSQL itself: a pooler that shares connections between
    transactions passes no notifications.
    """

    async def listen_once() -> None:
        await _pass_on(await _connect(conninfo), hub)
        await trio.sleep(AGAIN_SECONDS)

    await keep(
        "listening to the database",
        listen_once,
        again_seconds=AGAIN_SECONDS,
        again_seconds_max=AGAIN_SECONDS,
    )


async def _connect(conninfo: str) -> psycopg.Connection:
    """A connection that listens. Waited for to its own deadline, so that none is left open."""

    def connect() -> psycopg.Connection:
        connection = psycopg.connect(conninfo, autocommit=True)
        try:
            # Nothing is ever asked on it again, and a server may cut what is idle.
            connection.execute("SET idle_session_timeout = 0")
            connection.execute(f"LISTEN {CREDIT}")
            connection.execute(f"LISTEN {SIGN_IN}")
        except psycopg.Error:
            connection.close()
            raise
        return connection

    try:
        return await trio.to_thread.run_sync(connect, abandon_on_cancel=False)
    except psycopg.Error as error:
        raise DatabaseUnavailable(_one_line(error)) from error


async def _pass_on(connection: psycopg.Connection, hub: Hub) -> None:
    try:
        hub.told = True
        # Of what happened before this connection listened nobody was told.
        hub.anything_changed()
        while True:
            await trio.lowlevel.wait_readable(connection.fileno())
            connection.pgconn.consume_input()
            while (notice := connection.pgconn.notifies()) is not None:
                _tell(notice, hub)
    except (psycopg.Error, OSError) as error:
        log.warning("the database no longer tells of changes", problem=_one_line(error))
    finally:
        hub.told = False
        # Only a socket is closed here, nothing is waited for.
        connection.close()


def _tell(notice: pq.PGnotify, hub: Hub) -> None:
    try:
        key = UUID(notice.extra.decode())
    except ValueError:
        # Anybody with a connection may notify; what is no id of ours means nothing.
        return
    if notice.relname == CREDIT.encode():
        hub.credit_changed(key)
    elif notice.relname == SIGN_IN.encode():
        hub.sign_in_ended(key)


def _one_line(error: Exception) -> str:
    """The library's words on one line; libpq never puts the password there."""
    return " ".join(str(error).split()) or type(error).__name__
