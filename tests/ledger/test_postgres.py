"""The adapter: one exception for every failure of the database, and loud where we are at fault."""

from typing import Any, cast
from uuid import UUID, uuid4

import attrs
import pytest
import trio
from trio.testing import MockClock

from relayd.database.ports import Connection, Database
from relayd.errors import DatabaseUnavailable, LedgerUnavailable
from relayd.ledger import balances
from relayd.ledger.balances import Entry, Reservation
from relayd.ledger.holds import Policy
from relayd.ledger.outcomes import Balance
from relayd.ledger.postgres import PostgresLedger
from relayd.ledger.renewals import renew_free
from relayd.ledger.sweeper import register_boot
from relayd.session.endings import EndReason
from relayd.session.ports import Closed, OpenRequest, Renewed, Settlement
from tests.conftest import DeclaredErrors
from tests.ledger.steps import opened
from tests.ledger.store import Store


class Unreachable:
    """A database that is away."""

    async def transact(self, *arguments: object) -> Any:
        """Refuse."""
        raise DatabaseUnavailable("away")


async def test_outage_is_the_ledgers_own_exception() -> None:
    """The session knows one exception of its ledger; the cause stays visible."""
    ledger = PostgresLedger(cast("Database", Unreachable()), uuid4(), Policy())

    with pytest.raises(LedgerUnavailable) as refusal:
        await ledger.renew(uuid4(), 0, 0)

    assert isinstance(refusal.value.__cause__, DatabaseUnavailable)


class Empty:
    """A database without anybody."""

    async def transact(self, *arguments: object) -> Any:
        """Find nothing."""
        return None


async def test_an_unknown_user_has_nothing() -> None:
    """What is left is asked for where a session ended, also of who was deleted meanwhile."""
    ledger = PostgresLedger(cast("Database", Empty()), uuid4(), Policy())

    assert await ledger.balance_ms(uuid4()) == 0


@attrs.define(eq=False)
class Granting:
    """A database that renews all that ask, and keeps when they did."""

    times: list[float] = attrs.field(factory=list)

    async def transact(self, statement: object, asked: Any, policy: Policy) -> Any:
        """Renew."""
        assert statement is renew_free
        self.times.append(trio.current_time())
        granted = Renewed(1000, final=False, wanted=False, balance_ms=1000)
        return {one.session_id: granted for one in asked}


async def test_renewals_keep_the_pause_of_their_ledger(autojump_clock: MockClock) -> None:
    """Where flushes are short the pause is too: it is given with the ledger."""
    database = Granting()
    ledger = PostgresLedger(cast("Database", database), uuid4(), Policy(), pause_seconds=3)

    for _ in range(3):
        await ledger.renew(uuid4(), 0, 0)

    assert database.times == [0, 3, 6]


@pytest.mark.system
async def test_overshoot_is_loud_and_not_charged(
    database: Database, declared_errors: DeclaredErrors
) -> None:
    """More used than held is our fault: an ERROR for us, and the user pays the hold at most."""
    who = await database.transact(lambda connection: Store(connection).add_user(1000))
    ledger = PostgresLedger(database, uuid4(), Policy())
    await register_boot(database, ledger.boot_id, "test")
    request = OpenRequest(uuid4(), who, "engine", "model", "192.0.2.1")
    await ledger.open(request)

    closed = await ledger.close(Settlement(request.session_id, 1001, None, EndReason.COMPLETED))

    assert closed == Closed(1000, 0)
    declared_errors.expect("session used more than it held")


@pytest.mark.system
async def test_a_reservation_is_charged_its_hold_at_most(
    database: Database, declared_errors: DeclaredErrors
) -> None:
    """More than was set aside is our fault too: loud, and the user pays what was set aside."""
    who = await database.transact(lambda connection: Store(connection).add_user(1000))
    reservation = Reservation(uuid4(), who.user_id, 400, "a recording")
    await database.transact(balances.hold, reservation)

    charged = await database.transact(balances.settle, reservation.id, 401, "transcribed")

    assert charged is not None
    assert charged.charged_ms == 400
    assert await database.transact(balances.read, who.user_id) == Balance(600, 0, 0)
    declared_errors.expect("reservation charged beyond its hold")


@pytest.mark.system
async def test_a_first_step_is_part_of_an_opening(database: Database) -> None:
    """What a user is given for using something now is there for the session that it opens."""

    def give(connection: Connection, user_id: UUID) -> None:
        balances.book(connection, Entry(user_id, "grant", "first", 60_000, "test"))

    who = await database.transact(lambda connection: Store(connection).add_user())
    ledger = PostgresLedger(database, uuid4(), Policy(30_000, 2), beginning=give)
    await register_boot(database, ledger.boot_id, "test")

    _, answer = await opened(ledger, who)

    assert (answer.held_total_ms, answer.balance_ms) == (30_000, 60_000)
