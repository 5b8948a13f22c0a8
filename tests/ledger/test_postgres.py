"""The adapter: one exception for every failure of the database, and loud where we are at fault."""

from typing import Any, cast
from uuid import uuid4

import pytest

from relayd.database.ports import Database
from relayd.errors import DatabaseUnavailable, LedgerUnavailable
from relayd.ledger.holds import Policy
from relayd.ledger.postgres import PostgresLedger
from relayd.ledger.sweeper import register_boot
from relayd.session.endings import EndReason
from relayd.session.ports import Closed, OpenRequest, Settlement
from tests.conftest import DeclaredErrors
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
