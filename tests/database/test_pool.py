"""The pool: one function is one transaction, and an outage is an answer, not a hang."""

import os
import signal
from collections.abc import Iterator

import attrs
import psycopg
import pytest
import trio

from relayd import config
from relayd.database import pool
from relayd.database.pool import deadlines, open_database
from relayd.database.ports import Connection, Database
from relayd.errors import DatabaseUnavailable
from tests.database.servers import Server, server

SETTINGS = config.Database(
    connect_seconds=2,
    statement_seconds=0.3,
    lock_seconds=0.2,
    pool_seconds=1,
    pool_size=3,
)


@pytest.fixture
def killable() -> Iterator[Server]:
    """A server of this test's own."""
    with server() as own:
        yield own


def one(connection: Connection) -> int:
    """A statement that always works."""
    row = connection.execute("SELECT 1").fetchone()
    assert row is not None
    return int(row[0])


def test_every_deadline_is_spelled_out() -> None:
    """Libpq and the server are told each bound, and the operator's own options stay."""
    url = "postgresql://example.invalid/x?options=-c%20search_path%3Dmine"

    assert deadlines(SETTINGS, url) == {
        "connect_timeout": 2,
        "tcp_user_timeout": 8000,
        "keepalives": 1,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "options": "-c statement_timeout=300 -c lock_timeout=200"
        " -c idle_in_transaction_session_timeout=300 -c search_path=mine",
    }


@pytest.mark.system
async def test_commits_what_returns_and_undoes_what_raises(database: Database) -> None:
    """A function's effects last if it returns, and never if it raises."""
    await database.transact(lambda connection: connection.execute("CREATE TABLE kept (a int)"))

    def insert(connection: Connection, value: int) -> None:
        connection.execute("INSERT INTO kept VALUES (%s)", (value,))
        if value < 0:
            raise ValueError

    await database.transact(insert, 1)
    with pytest.raises(ValueError, match=r"^$"):
        await database.transact(insert, -1)

    rows = await database.transact(lambda c: c.execute("SELECT a FROM kept").fetchall())
    assert rows == [(1,)]


@pytest.mark.system
async def test_mistake_of_ours_is_not_an_outage(database: Database) -> None:
    """A wrong statement stays what it is: a bug with its traceback."""
    with pytest.raises(psycopg.errors.UndefinedTable):
        await database.transact(lambda c: c.execute("SELECT * FROM nowhere"))


@pytest.mark.system
async def test_slow_statement_and_busy_lock_are_cut(database_url: str) -> None:
    """The server ends what takes too long, because a thread can't be told to."""
    async with open_database(SETTINGS, database_url, trio.CapacityLimiter(3)) as database:
        with pytest.raises(DatabaseUnavailable, match="statement timeout"):
            await database.transact(lambda c: c.execute("SELECT pg_sleep(5)"))
        with psycopg.connect(database_url) as other:
            other.execute("LOCK TABLE boots")
            with pytest.raises(DatabaseUnavailable, match="lock timeout"):
                await database.transact(lambda c: c.execute("SELECT * FROM boots"))
        assert await database.transact(one) == 1


@pytest.mark.system
async def test_outage_is_told_and_overcome(killable: Server) -> None:
    """While PostgreSQL is away calls fail in time; once it is back they work by themselves."""
    async with open_database(SETTINGS, killable.url, trio.CapacityLimiter(3)) as database:
        assert await database.transact(one) == 1
        await trio.to_thread.run_sync(killable.kill)

        assert not await database.probe()
        with trio.fail_after(5), pytest.raises(DatabaseUnavailable):
            await database.transact(one)

        await trio.to_thread.run_sync(killable.start)
        with trio.fail_after(10):
            while not await database.probe():
                pass
        assert await database.transact(one) == 1


async def problem(database: Database) -> str:
    """Why a statement can't be done."""
    with pytest.raises(DatabaseUnavailable) as caught:
        await database.transact(one)
    return str(caught.value)


@pytest.mark.system
async def test_outage_with_many_callers_is_overcome(
    killable: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many waited in vain, and although nobody tries to connect any more."""
    monkeypatch.setattr(pool, "RECONNECT_SECONDS", 0.1)
    settings = attrs.evolve(SETTINGS, pool_size=1, pool_seconds=0.3)
    async with open_database(settings, killable.url, trio.CapacityLimiter(3)) as database:
        assert await database.transact(one) == 1
        await trio.to_thread.run_sync(killable.kill)

        with trio.fail_after(10):
            while "requests waiting" not in await problem(database):
                pass

        await trio.to_thread.run_sync(killable.start)
        with trio.fail_after(10):
            while not await database.probe():
                pass
        assert await database.transact(one) == 1


@pytest.mark.system
async def test_frozen_server_is_an_outage_too(killable: Server) -> None:
    """A server that took the call and stopped answering does not hold its caller for ever."""
    stopped: list[int] = []

    def freeze(connection: Connection) -> None:
        stopped[:] = [killable.pid, connection.info.backend_pid]
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        one(connection)

    async with open_database(SETTINGS, killable.url, trio.CapacityLimiter(3)) as database:
        try:
            with trio.fail_after(30), pytest.raises(DatabaseUnavailable):
                await database.transact(freeze)
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
        with trio.fail_after(10):
            while not await database.probe():
                pass


@pytest.mark.system
async def test_restart_between_two_calls_is_not_noticed(killable: Server) -> None:
    """Connections that died while idle are replaced, and the work is done on a new one."""
    async with open_database(SETTINGS, killable.url, trio.CapacityLimiter(3)) as database:
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(database.transact, one)
        await trio.to_thread.run_sync(killable.kill)
        await trio.to_thread.run_sync(killable.start)

        assert await database.transact(one) == 1


@pytest.mark.system
async def test_work_lost_before_its_commit_is_done_once_more(database: Database) -> None:
    """A connection cut in the middle of the work costs nothing: it is done again from the start."""
    backends: list[int] = []

    def cut_once(connection: Connection) -> int:
        backends.append(connection.info.backend_pid)
        if len(backends) == 1:
            connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return one(connection)

    assert await database.transact(cut_once) == 1
    assert len(set(backends)) == 2


@pytest.mark.system
async def test_cancelled_caller_waits_for_the_outcome(database: Database) -> None:
    """Money is never written behind the back of whoever asked for it."""
    done: list[int] = []
    with trio.CancelScope() as scope:

        def work(connection: Connection) -> None:
            trio.from_thread.run_sync(scope.cancel)
            done.append(one(connection))

        await database.transact(work)

    assert done == [1]


@pytest.mark.system
async def test_absent_server_is_told_with_a_remedy(database_url: str) -> None:
    """A daemon that finds no PostgreSQL says where it looked and what to do."""
    nowhere = "postgresql://someone:s3cret@/x?host=/nonexistent"

    with pytest.raises(DatabaseUnavailable, match=r"correct database\.url") as refusal:
        async with open_database(SETTINGS, nowhere, trio.CapacityLimiter(3)):
            raise AssertionError

    assert "s3cret" not in str(refusal.value)
