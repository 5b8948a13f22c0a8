"""Renewals of many sessions together: few transactions, and each session with its own outcome."""

from collections.abc import Callable, Sequence
from typing import Any, cast
from uuid import UUID, uuid4

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from relayd.database.ports import Connection, Database
from relayd.errors import DatabaseUnavailable
from relayd.ledger.holds import Policy
from relayd.ledger.postgres import PostgresLedger
from relayd.ledger.renewals import (
    BATCH,
    PAUSE_SECONDS,
    Renewal,
    Renewals,
    pause_within,
    renew,
    renew_free,
)
from relayd.ledger.sweeper import register_boot
from relayd.session.ports import OpenRequest, Renewed, Revoked
from tests.conftest import DeclaredErrors
from tests.ledger.store import Store

SLOW_SECONDS = 1.0


def renewed(renewal: Renewal) -> Renewed:
    """An answer that shows whose it is."""
    return Renewed(renewal.keep_ms, final=False, wanted=False, balance_ms=renewal.keep_ms)


@attrs.define(eq=False)
class SlowDatabase:
    """Answers after a second; ``batches`` are the transactions that were asked for."""

    batches: list[list[UUID]] = attrs.field(factory=list)
    # These are left out, as if another transaction had their users' rows.
    busy: set[UUID] = attrs.field(factory=set)
    alone: list[UUID] = attrs.field(factory=list)
    fault: Exception | None = None

    async def transact(self, statement: Callable[..., Any], asked: Any, policy: Policy) -> Any:
        """One transaction."""
        if statement is renew:
            self.alone.append(asked.session_id)
            return renewed(asked)
        assert statement is renew_free
        self.batches.append([renewal.session_id for renewal in asked])
        await trio.sleep(SLOW_SECONDS)
        if self.fault is not None:
            raise self.fault
        return {r.session_id: renewed(r) for r in asked if r.session_id not in self.busy}


def desk(database: SlowDatabase) -> Renewals:
    """Renewals on that database."""
    return Renewals(cast("Database", database), Policy())


async def ask_all(renewals: Renewals, asked: Sequence[Renewal]) -> dict[UUID, Renewed | Revoked]:
    """Ask at once; who got what."""
    answers: dict[UUID, Renewed | Revoked] = {}

    async def ask(renewal: Renewal) -> None:
        answers[renewal.session_id] = await renewals.renew(renewal)

    async with trio.open_nursery() as nursery:
        for renewal in asked:
            nursery.start_soon(ask, renewal)
    return answers


def some(number: int) -> list[Renewal]:
    """Renewals of as many sessions, each with totals of its own."""
    return [Renewal(uuid4(), 0, 1000 + at) for at in range(number)]


@pytest.mark.parametrize(
    ("flush_seconds", "pause"), [(60, 0.25), (5, 0.25), (1, 0.05), (0.1, 0.005)]
)
def test_pause_fits_the_flushes(flush_seconds: float, pause: float) -> None:
    """A quarter of a second at most, and a twentieth of what may pass between two records."""
    assert pause_within(flush_seconds) == pytest.approx(pause)


async def test_one_alone_does_not_wait(autojump_clock: MockClock) -> None:
    """The pause is for those that follow."""
    await desk(SlowDatabase()).renew(some(1)[0])
    assert trio.current_time() == SLOW_SECONDS


async def test_those_that_ask_meanwhile_go_together(autojump_clock: MockClock) -> None:
    """While one transaction is under way the others gather for the next, in as few as may be."""
    database = SlowDatabase()
    asked = some(BATCH + 30)
    answers = await ask_all(desk(database), asked)
    assert answers == {renewal.session_id: renewed(renewal) for renewal in asked}
    assert sorted(map(len, database.batches)) == [30, BATCH]
    assert database.alone == []


async def test_transactions_keep_a_pause(autojump_clock: MockClock) -> None:
    """A hundred that ask one after the other in a second are done ten times, not a hundred."""
    database = SlowDatabase()
    renewals = desk(database)
    async with trio.open_nursery() as nursery:
        for renewal in some(100):
            nursery.start_soon(renewals.renew, renewal)
            await trio.sleep(0.01)
    assert len(database.batches) <= 1 / PAUSE_SECONDS + 1


async def test_who_was_left_out_asks_alone(autojump_clock: MockClock) -> None:
    """A row in somebody's hands is waited for by its own session only."""
    asked = some(3)
    database = SlowDatabase(busy={asked[1].session_id})
    assert set(await ask_all(desk(database), asked)) == {one.session_id for one in asked}
    assert database.alone == [asked[1].session_id]


async def test_an_outage_is_told_to_each(autojump_clock: MockClock) -> None:
    """With an exception of its own."""
    renewals = desk(SlowDatabase(fault=DatabaseUnavailable("away")))
    caught: list[DatabaseUnavailable] = []

    async def ask(renewal: Renewal) -> None:
        with pytest.raises(DatabaseUnavailable) as problem:
            await renewals.renew(renewal)
        caught.append(problem.value)

    async with trio.open_nursery() as nursery:
        for renewal in some(3):
            nursery.start_soon(ask, renewal)
    assert len({id(problem) for problem in caught}) == len(caught) == 3
    assert {str(problem) for problem in caught} == {"away"}


async def test_a_fault_is_nobody_elses(
    autojump_clock: MockClock, declared_errors: DeclaredErrors
) -> None:
    """Where a transaction of several fails, each is tried by itself."""
    asked = some(3)
    database = SlowDatabase(fault=AssertionError("a row that can't be"))
    answers = await ask_all(desk(database), asked)
    assert answers == {renewal.session_id: renewed(renewal) for renewal in asked}
    declared_errors.expect("renewals failed together")


@pytest.mark.parametrize("seconds", [0.5, 1.5])
async def test_who_is_cancelled_leaves_nothing_behind(
    autojump_clock: MockClock, seconds: float
) -> None:
    """Neither the one that works for all nor one that waits holds up the rest."""
    database = SlowDatabase()
    renewals = desk(database)
    first, second, third = some(3)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(renewals.renew, first)
        with trio.move_on_after(seconds) as scope:
            await wait_all_tasks_blocked()
            await renewals.renew(second)
        assert scope.cancelled_caught
        await renewals.renew(third)
    assert database.batches[0] == [first.session_id]
    assert database.batches[-1] == [third.session_id]


@pytest.mark.system
async def test_a_locked_user_holds_nobody_up(database: Database) -> None:
    """Somebody's forgotten transaction on one account delays that account alone."""
    ledger = PostgresLedger(database, uuid4(), Policy())
    await register_boot(database, ledger.boot_id, "test")
    requests = []
    for _ in range(2):
        who = await database.transact(lambda connection: Store(connection).add_user(90_000))
        requests.append(OpenRequest(uuid4(), who, "engine", "model", "192.0.2.1"))
        await ledger.open(requests[-1])
    locked, free = requests
    release = trio.Event()
    taken = trio.Event()

    def hold(connection: Connection) -> None:
        connection.execute(
            "SELECT FROM credit_balance WHERE user_id = %s FOR UPDATE", (locked.principal.user_id,)
        )
        trio.from_thread.run_sync(taken.set)
        trio.from_thread.run(release.wait)

    async def renew_locked() -> None:
        assert isinstance(await ledger.renew(locked.session_id, 10, 30_000), Renewed)

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(database.transact, hold)
            await taken.wait()
            nursery.start_soon(renew_locked)
            await wait_all_tasks_blocked()
            answer = await ledger.renew(free.session_id, 20, 30_000)
            assert isinstance(answer, Renewed)
            assert not release.is_set()
            release.set()

    def used(connection: Connection, request: OpenRequest) -> object:
        found = "SELECT used_ms FROM transcription_sessions WHERE id = %s"
        return connection.execute(found, (request.session_id,)).fetchone()

    assert await database.transact(used, locked) == (10,)
    assert await database.transact(used, free) == (20,)


@pytest.mark.system
async def test_who_is_over_takes_nobody_along(database: Database) -> None:
    """One that isn't open is left out of a batch, and the others of it are renewed together."""
    ledger = PostgresLedger(database, uuid4(), Policy())
    await register_boot(database, ledger.boot_id, "test")
    who = await database.transact(lambda connection: Store(connection).add_user(90_000))
    request = OpenRequest(uuid4(), who, "engine", "model", "192.0.2.1")
    await ledger.open(request)
    over, open_ = Renewal(uuid4(), 0, 0), Renewal(request.session_id, 0, 30_000)

    answers = await database.transact(renew_free, [over, open_], Policy())

    assert set(answers) == {request.session_id}
