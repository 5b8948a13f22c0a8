"""PostgreSQL for a Trio program: one function is one transaction, in a worker thread.

psycopg's async classes need asyncio, so its synchronous pool runs in threads. A cancel scope
does not stop a thread: every bound is therefore set at the source (see `deadlines`), and a
call, once started, is always waited for, so that nobody mistakes a commit for a failure.

A server that went away is noticed by the next statement: the pool then drops all its
connections, and work whose COMMIT had not been sent is done once more on a new one.
"""

import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Concatenate, Final, ParamSpec, TypeVar
from weakref import WeakSet

import attrs
import psycopg
import trio
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool, TooManyRequests

from relayd import config, logs
from relayd.database.ports import Connection
from relayd.database.refusals import connection_remedy, first_line
from relayd.database.watchdog import Watchdog
from relayd.errors import ConfigError, DatabaseRefused, DatabaseUnavailable

__all__ = ["Pool", "deadlines", "open_database", "reach"]

log = logs.get(__name__)

P = ParamSpec("P")
T = TypeVar("T")

# Connections are replaced in time: memory of a backend grows, and a failover behind a
# name is noticed at last.
CONNECTION_SECONDS: Final = 1800
# The pool stops one series of attempts after this, and the next caller starts a new one:
# its delays double from 1 s, so none ever sleeps longer than 2 s while PostgreSQL is back.
RECONNECT_SECONDS: Final = 4
# What /health waits for the answer to its probe.
PROBE_SECONDS: Final = 2
# A dead peer is noticed after idle + interval x count = 5 + 2 x 3 = 11 s, or, with data
# in flight, after TCP_USER_MILLISECONDS. Without meaning on a unix socket.
KEEPALIVES: Final = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}
TCP_USER_MILLISECONDS: Final = 8_000
# On top of the server's own deadline for a statement, before the watchdog asks after it.
GRACE_SECONDS: Final = 2
# States that a living server reports and that another connection may mend: 25P03 is
# idle_in_transaction_session_timeout, 25006 a server that became read-only (failover).
MENDABLE_STATES: Final = ("25P03", "25006")


class _LostBeforeCommit(Exception):  # noqa: N818 - internal: a signal between two methods
    """The connection was found dead while nothing was committed."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self.connection = connection


@attrs.define(eq=False)
class Pool:
    """A `Database` of connections that are kept."""

    _pool: ConnectionPool[Connection]
    _limiter: trio.CapacityLimiter
    # Connections made since the pool was last emptied.
    _fresh: WeakSet[Connection]
    _watchdog: Watchdog
    _emptying: threading.Lock = attrs.field(factory=threading.Lock)

    @property
    def conninfo(self) -> str:
        """How to make a connection beside the pool, with all its deadlines. Holds the password."""
        return self._watchdog.conninfo

    async def transact(
        self,
        function: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """See `Database`; a thread does it."""

        def work(connection: Connection) -> T:
            return function(connection, *args, **kwargs)

        return await trio.to_thread.run_sync(
            self._perform, work, limiter=self._limiter, abandon_on_cancel=False
        )

    def _perform(self, work: Callable[[Connection], T]) -> T:
        try:
            try:
                return self._attempt(work)
            except _LostBeforeCommit as lost:
                self._empty_pool(lost.connection)
                return self._attempt(work)
        except _LostBeforeCommit as lost:
            raise DatabaseUnavailable("the connection to PostgreSQL was lost") from lost.__cause__
        except psycopg.Error as error:
            if not _is_environment(error):
                raise
            self._try_to_connect(error)
            raise DatabaseUnavailable(first_line(error)) from error

    async def probe(self) -> bool:
        """See `Database`: within `PROBE_SECONDS`."""
        with trio.move_on_after(PROBE_SECONDS):
            return await trio.to_thread.run_sync(
                self._probe, limiter=self._limiter, abandon_on_cancel=True
            )
        return False

    def _probe(self) -> bool:
        try:
            with self._pool.connection(timeout=PROBE_SECONDS) as connection:
                connection.execute("SELECT 1")
        except psycopg.Error as error:
            self._try_to_connect(error)
            return False
        return True

    def _try_to_connect(self, error: psycopg.Error) -> None:
        """Have the pool look for its server again, where nobody else would bring it to that.

        It counts callers who gave up as waiting until it has a connection for them, and who meets
        a full queue is turned away before a connection is tried: after a long outage, for ever.
        """
        if isinstance(error, TooManyRequests):
            self._pool.check()

    def _attempt(self, work: Callable[[Connection], T]) -> T:
        with self._pool.connection() as connection:
            try:
                with self._watchdog.watching(connection):
                    return work(connection)
            except psycopg.Error as error:
                if connection.broken or connection.closed:
                    raise _LostBeforeCommit(connection) from error
                raise

    def _empty_pool(self, lost: Connection) -> None:
        """Drop all connections of the server that went away, once per time it does."""
        with self._emptying:
            if lost not in self._fresh:
                return
            log.warning("database connections lost, reconnecting")
            self._fresh.clear()
            self._pool.drain()


def deadlines(settings: config.Database, url: str) -> dict[str, str | int]:
    """Every timeout of a connection, as parameters of libpq.

    The server's own are sent as options at connect time, so they cost no round trip; options
    of the operator's URL come after them and win.
    """
    milliseconds = {
        "statement_timeout": settings.statement_seconds,
        "lock_timeout": settings.lock_seconds,
        "idle_in_transaction_session_timeout": settings.statement_seconds,
    }
    options = " ".join(f"-c {name}={int(s * 1000)}" for name, s in milliseconds.items())
    own = conninfo_to_dict(url).get("options")
    return {
        "connect_timeout": settings.connect_seconds,
        "tcp_user_timeout": TCP_USER_MILLISECONDS,
        "options": f"{options} {own}" if own else options,
        **KEEPALIVES,
    }


async def reach(settings: config.Database, url: str) -> str:
    """Wait until PostgreSQL takes a connection; the URL with every deadline.

    Raises `DatabaseUnavailable` after `connect_seconds`, with what to do; `DatabaseRefused` at once
    where it is there and doesn't let us in.
    """
    conninfo = _conninfo(settings, url)
    await trio.to_thread.run_sync(_await_server, conninfo, settings.connect_seconds)
    return conninfo


@asynccontextmanager
async def open_database(
    settings: config.Database, url: str, limiter: trio.CapacityLimiter
) -> AsyncIterator[Pool]:
    """The pool for ``url`` (the configured one, or the embedded server's), open while entered.

    Raises as `reach` does.
    """
    conninfo = await reach(settings, url)
    fresh: WeakSet[Connection] = WeakSet()

    def configure(connection: Connection) -> None:
        # Reading after a lock must see what the lock waited for, whatever the server's default.
        connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        fresh.add(connection)

    pool: ConnectionPool[Connection] = ConnectionPool(
        conninfo,
        min_size=min(2, settings.pool_size),
        max_size=settings.pool_size,
        open=False,
        configure=configure,
        timeout=settings.pool_seconds,
        # One waiting caller per thread, so the thread limit bounds this queue too.
        max_waiting=settings.pool_size * 2,
        max_lifetime=CONNECTION_SECONDS,
        reconnect_timeout=RECONNECT_SECONDS,
        name="relayd",
    )
    watchdog = Watchdog(conninfo, settings.statement_seconds + GRACE_SECONDS)
    await trio.to_thread.run_sync(pool.open)
    try:
        with watchdog.awake():
            yield Pool(pool, limiter, fresh, watchdog)
    finally:
        with trio.CancelScope(shield=True):  # bounded by the pool's own timeout
            await trio.to_thread.run_sync(pool.close, settings.pool_seconds)


def _conninfo(settings: config.Database, url: str) -> str:
    try:
        return make_conninfo(url, application_name="relayd", **deadlines(settings, url))
    except psycopg.ProgrammingError:
        # Neither its text nor its cause: they quote the part that isn't understood.
        problem = "has an option that isn't known, or a % that isn't written %25"
        raise ConfigError("database.url", problem) from None


def _await_server(conninfo: str, seconds: float) -> None:
    """Connect once; try again until the time is over, then say why it can't be done."""
    until = time.monotonic() + seconds
    while True:
        try:
            psycopg.connect(conninfo).close()
        except psycopg.OperationalError as error:
            remedy = connection_remedy(error)
            if remedy:
                message = f"PostgreSQL doesn't let relayd in: {first_line(error)}; {remedy}"
                raise DatabaseRefused(message) from error
            if time.monotonic() >= until:
                message = (
                    f"PostgreSQL can't be reached: {first_line(error)}. "
                    "Start it, or correct database.url."
                )
                raise DatabaseUnavailable(message) from error
            time.sleep(0.2)
        else:
            return


def _is_environment(error: psycopg.Error) -> bool:
    """Whether the server or the way to it failed, and not our own statement."""
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return True
    return error.sqlstate in MENDABLE_STATES
