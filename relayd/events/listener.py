"""A process's connection that listens to PostgreSQL, and comes back when it is lost.

It waits on the connection's socket in Trio itself: no thread is taken for what may last for
days. Connecting alone happens in a thread. Every daemon listens, so a change that any of them
made, or an operator's command, reaches every browser.
"""

from collections.abc import Callable, Collection
from typing import Final, Protocol
from uuid import UUID

import attrs
import psycopg
import trio
from psycopg import sql

from relayd import logs
from relayd.background import keep
from relayd.errors import DatabaseUnavailable
from relayd.events.hub import Hub
from relayd.identity import Credential, CredentialKind

__all__ = ["CREDIT", "KEY", "RECALLED", "SIGN_IN", "Ears", "HubEars", "Memory", "listen"]

log = logs.get(__name__)

# Channels; what is told on them is an id as text.
CREDIT: Final = "relayd_credit"
SIGN_IN: Final = "relayd_sign_in"
KEY: Final = "relayd_key"
# A session whose app has come to another daemon.
RECALLED: Final = "relayd_recalled"
_KINDS: Final = {SIGN_IN: CredentialKind.SIGN_IN, KEY: CredentialKind.KEY}

# Between attempts to connect: a restart of PostgreSQL is over in a few seconds.
AGAIN_SECONDS: Final = 2.0


class Ears(Protocol):
    """Who is told. Nothing in it waits."""

    @property
    def channels(self) -> Collection[str]:
        """On which channels it listens; their names are ours."""

    def begin(self) -> None:
        """From now on it is told. Of what happened before nobody told it."""

    def hear(self, channel: str, text: str) -> None:
        """Something was told. Anybody with a connection may: it may be anything."""

    def end(self) -> None:
        """For now it is told nothing any more."""


class Memory(Protocol):
    """What remembers credentials that are good, for as long as it would be told otherwise."""

    def begin(self) -> None:
        """From now on it is told."""

    def credential_ended(self, credential: Credential) -> None:
        """It is good no more."""

    def end(self) -> None:
        """For now it is told nothing any more."""


@attrs.frozen
class HubEars:
    """Tells a hub whose credit has changed, and it and a memory which credential has ended.

    ``recall`` hears of sessions that are wanted elsewhere, whoever holds them.
    """

    hub: Hub
    memory: Memory
    recall: Callable[[UUID], object]
    channels: tuple[str, ...] = (CREDIT, RECALLED, *_KINDS)

    def begin(self) -> None:
        """See `Ears`."""
        self.memory.begin()
        self.hub.told = True
        self.hub.anything_changed()

    def hear(self, channel: str, text: str) -> None:
        """See `Ears`; what is no id of ours means nothing."""
        try:
            key = UUID(text)
        except ValueError:
            return
        if channel == CREDIT:
            self.hub.credit_changed(key)
        elif channel == RECALLED:
            self.recall(key)
        else:
            credential = Credential(_KINDS[channel], key)
            self.hub.credential_ended(credential)
            self.memory.credential_ended(credential)

    def end(self) -> None:
        """See `Ears`."""
        self.memory.end()
        self.hub.told = False


async def listen(conninfo: str, ears: Ears) -> None:
    """Pass on what the database tells, until cancelled.

    ``conninfo`` must reach PostgreSQL itself: a pooler that shares connections between
    transactions passes no notifications.
    """

    async def listen_once() -> None:
        await _pass_on(await _connect(conninfo, ears.channels), ears)
        await trio.sleep(AGAIN_SECONDS)

    await keep(
        "listening to the database",
        listen_once,
        again_seconds=AGAIN_SECONDS,
        again_seconds_max=AGAIN_SECONDS,
    )


async def _connect(conninfo: str, channels: Collection[str]) -> psycopg.Connection:
    """A connection that listens. Waited for to its own deadline, so that none is left open."""

    def connect() -> psycopg.Connection:
        connection = psycopg.connect(conninfo, autocommit=True)
        try:
            # Nothing is ever asked on it again, and a server may cut what is idle.
            connection.execute("SET idle_session_timeout = 0")
            for channel in channels:
                connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        except psycopg.Error:
            connection.close()
            raise
        return connection

    try:
        return await trio.to_thread.run_sync(connect, abandon_on_cancel=False)
    except psycopg.Error as error:
        raise DatabaseUnavailable(_one_line(error)) from error


async def _pass_on(connection: psycopg.Connection, ears: Ears) -> None:
    try:
        ears.begin()
        while True:
            await trio.lowlevel.wait_readable(connection.fileno())
            connection.pgconn.consume_input()
            while (notice := connection.pgconn.notifies()) is not None:
                ears.hear(notice.relname.decode(), notice.extra.decode(errors="replace"))
    except (psycopg.Error, OSError) as error:
        log.warning("the database no longer tells of changes", problem=_one_line(error))
    finally:
        ears.end()
        # Only a socket is closed here, nothing is waited for.
        connection.close()


def _one_line(error: Exception) -> str:
    """The library's words on one line; libpq never puts the password there."""
    return " ".join(str(error).split()) or type(error).__name__
