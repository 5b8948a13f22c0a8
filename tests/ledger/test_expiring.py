"""Who looks for what has run out takes it of everybody, and of nobody else."""

import pytest

from relayd.database.ports import Connection, Database
from relayd.identity import Principal
from relayd.ledger.lots import expire_due, of_user
from relayd.ledger.wallet import Wallet
from tests.ledger.store import Store

pytestmark = pytest.mark.system


def users_with_lots(connection: Connection) -> list[Principal]:
    """Two whose lot has run out, one whose lot has not, and one without any."""
    store = Store(connection)
    users = [store.add_user(1000) for _ in range(4)]
    for number, hours in enumerate((1, 1, 3)):
        store.grant_lot(users[number].user_id, str(number), 5000, hours, True)
        store.pass_time(users[number].user_id, 2)
    return users


async def test_what_ran_out_is_taken(database: Database) -> None:
    """One look takes it of all, the next finds nothing, and each day says what ran out on it."""
    users = await database.transact(users_with_lots)
    wallet = Wallet(database)

    looked = [await expire_due(database), await expire_due(database)]

    balances = [await wallet.balance(who.user_id) for who in users]
    assert looked == [2, 0]
    assert [one.balance_ms for one in balances if one] == [1000, 1000, 6000, 1000]
    days = [(await wallet.usage(who.user_id))[-1] for who in users]
    assert [day.expired_ms for day in days] == [5000, 5000, 0, 0]
    assert [day.credited_ms for day in days] == [6000, 6000, 6000, 1000]


async def test_lots_are_told(database: Database) -> None:
    """What is left stands first, and what has run out says so."""
    users = await database.transact(users_with_lots)
    await expire_due(database)

    def told(connection: Connection) -> list[tuple[int, int]]:
        lots = [of_user(connection, who.user_id) for who in users]
        return [(one.remaining_ms, one.expired_ms) for of_one in lots for one in of_one]

    assert await database.transact(told) == [(0, 5000), (0, 5000), (5000, 0)]
