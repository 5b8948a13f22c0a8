"""Credit that runs out, as those who look see it: taken of everybody, told in full."""

from uuid import uuid4

import pytest

from relayd.database.ports import Connection, Database
from relayd.identity import Principal
from relayd.ledger import lots
from relayd.ledger.balances import Reservation
from relayd.ledger.holds import Policy
from relayd.ledger.lots import exists, expire_due, lasting_ms, left, of_user
from relayd.ledger.outcomes import Balance, Booked
from relayd.ledger.wallet import Wallet
from tests.ledger.steps import end_of, request_of
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


async def test_however_many_users(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are looked at some at a time, each once, to the last, also those who keep a rest."""
    monkeypatch.setattr(lots, "_BATCH", 3)

    def add(connection: Connection) -> list[Principal]:
        store = Store(connection)
        users = [store.add_user(500) for _ in range(7)]
        for who in users:
            store.grant_lot(who.user_id, str(who.user_id), 5000, 1, True)
            store.hold(Reservation(uuid4(), who.user_id, 1000, "test"))
            store.pass_time(who.user_id, 2)
        return users

    users = await database.transact(add)
    assert await expire_due(database) == 7
    found = [await Wallet(database).balance(who.user_id) for who in users]
    assert [one.balance_ms for one in found if one] == [1500] * 7


async def test_lots_are_told(database: Database) -> None:
    """What is left stands first, and what has run out says so."""
    users = await database.transact(users_with_lots)
    await expire_due(database)

    def told(connection: Connection) -> list[tuple[int, int]]:
        lots = [of_user(connection, who.user_id) for who in users]
        return [(one.remaining_ms, one.expired_ms) for of_one in lots for one in of_one]

    assert await database.transact(told) == [(0, 5000), (0, 5000), (5000, 0)]


async def test_what_is_left_stands_first(database: Database) -> None:
    """The soonest to run out at the top, then what is over, the latest of it first; so many."""

    def told(connection: Connection) -> list[list[str]]:
        store = Store(connection)
        who = store.add_user()
        for name, hours in (("first", 1), ("second", 1)):
            store.grant_lot(who.user_id, name, 100, hours, True)
        store.pass_time(who.user_id, 2)
        for name, hours in (("later", 48), ("sooner", 24)):
            store.grant_lot(who.user_id, name, 100, hours, True)
        store.expire(who.user_id)
        found = [of_user(connection, who.user_id), of_user(connection, who.user_id, 2)]
        return [[one.source_id for one in some] for some in found]

    assert await database.transact(told) == [
        ["sooner", "later", "second", "first"],
        ["sooner", "later"],
    ]


async def test_what_of_a_balance_lasts(database: Database) -> None:
    """What runs out, and what never does, whatever is held or used of it at this moment."""

    def told(connection: Connection) -> list[tuple[tuple[int, int], int]]:
        store = Store(connection)
        who, seen = store.add_user(1000), []

        def look() -> None:
            seen.append((left(connection, who.user_id), lasting_ms(connection, who.user_id)))

        look()
        store.grant_lot(who.user_id, "lot", 5000, 2, True)
        look()
        asked = Reservation(uuid4(), who.user_id, 400, "test")
        store.hold(asked)
        session = request_of(who)
        store.open(session, uuid4(), Policy(3000, 2))
        store.renew(session.session_id, 700, 3000, Policy(3000, 2))
        look()
        store.close(end_of(session.session_id, 700))
        store.settle(asked.id, 300)
        look()
        store.pass_time(who.user_id, 2)
        look()
        store.expire(who.user_id)
        look()
        return seen

    assert await database.transact(told) == [
        ((1000, 0), 1000),
        ((6000, 5000), 1000),
        # What is used has left the balance, and no lot yet.
        ((5300, 5000), 1000),
        ((5000, 4000), 1000),
        # What has run out is no longer left, whether or not anybody took it.
        ((1000, 0), 1000),
        ((1000, 0), 1000),
    ]


async def test_nobody_has_nothing(database: Database) -> None:
    """Of an unknown user there is neither credit nor a lot; a lot is known by both its names."""

    def told(connection: Connection) -> list[object]:
        store = Store(connection)
        store.grant_lot(store.add_user().user_id, "key", 5, 1, True)
        names = [("test", "key"), ("test", "other"), ("other", "key")]
        known = [exists(connection, *name) for name in names]
        return [*known, left(connection, uuid4()), lasting_ms(connection, uuid4())]

    assert await database.transact(told) == [True, False, False, (0, 0), 0]


async def test_what_is_for_recordings_alone_is_told(database: Database) -> None:
    """Whoever books hears the same balance as whoever reads it: what streams have of it, too."""

    def told(connection: Connection) -> list[Balance]:
        store = Store(connection)
        who = store.add_user(1000)
        booked = store.grant_lot(who.user_id, "lot", 5000, 1, False)
        assert isinstance(booked, Booked)
        return [booked.balance, store.balance(who.user_id)]

    booked, read = await database.transact(told)
    assert booked == read
    assert (read.balance_ms, read.streams_ms) == (6000, 1000)
