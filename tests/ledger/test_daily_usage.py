"""What was used and credited is added up by the day, from the first entry on."""

import datetime as dt
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from relayd.database import migrate
from relayd.database.ports import Connection, Database
from relayd.ledger.audit import audit
from relayd.ledger.holds import Policy
from relayd.ledger.outcomes import DayUsage
from relayd.ledger.wallet import Wallet
from relayd.session.endings import EndReason
from relayd.session.ports import OpenRequest, Settlement
from tests.ledger.store import Store

pytestmark = pytest.mark.system

# The migration that begins to add up.
FIRST = next(one.name for one in migrate.known() if one.name.endswith("_daily_usage.sql"))
# Of one user, days ago: kind, milliseconds.
ENTRIES = [
    (400, "grant", 1_000_000),
    (31, "adjustment", 7),
    (2, "adjustment", -40),
    (2, "grant", 500),
    (1, "grant", 10),
    (1, "adjustment", 30),
    (0, "grant", 3),
]


def days_of(connection: Connection, user_id: UUID) -> dict[int, tuple[int, int]]:
    """Used and credited, by days ago."""
    rows = connection.execute(
        "SELECT (now() AT TIME ZONE 'UTC')::date - day, used_ms, credited_ms FROM daily_usage"
        " WHERE user_id = %s",
        (user_id,),
    )
    return {back: (used, credited) for back, used, credited in rows}


def test_entries_before_it_are_added_up(empty_database_url: str, tmp_path: Path) -> None:
    """An upgrade sums what is there, and goes on from it."""
    before, after = tmp_path / "before", migrate.schema_directory()
    before.mkdir()
    for path in after.iterdir():
        if path.name < FIRST and path.suffix == ".sql":
            (before / path.name).write_bytes(path.read_bytes())
    with psycopg.connect(empty_database_url) as connection:
        migrate.apply(connection, before)
        connection.commit()
        store = Store(connection)
        who = store.add_user()
        for number, (back, kind, amount_ms) in enumerate(ENTRIES):
            connection.execute(
                "INSERT INTO usage_ledger (user_id, kind, reference, amount_ms, reason, created_at)"
                " VALUES (%s, %s, %s, %s, 'test', now() - make_interval(days => %s))",
                (who.user_id, kind, str(number), amount_ms, back),
            )
            connection.execute(
                "UPDATE credit_balance SET balance_ms = balance_ms + %s WHERE user_id = %s",
                (amount_ms, who.user_id),
            )
        connection.commit()

        migrate.apply(connection)
        connection.commit()
        store.book(who.user_id, "grant", "later", 4)

        expected = {400: (0, 1_000_000), 31: (0, 7), 2: (0, 500), 1: (0, 40), 0: (0, 3 + 4)}
        assert days_of(connection, who.user_id) == expected
        connection.commit()
        assert audit(connection) == ()


def test_every_kind_is_added_to_its_day(database_url: str) -> None:
    """Sessions and what was reserved are used; what was taken by hand is neither."""
    with psycopg.connect(database_url) as connection:
        store, boot_id = Store(connection), uuid4()
        who = store.add_user(100_000)
        for used_ms in (5000, 0, 700):
            request = OpenRequest(uuid4(), who, "engine", "model", "192.0.2.1")
            store.open(request, boot_id, Policy())
            store.close(Settlement(request.session_id, used_ms, None, EndReason.COMPLETED))
        store.book(who.user_id, "adjustment", "a", -900)
        store.book(who.user_id, "adjustment", "b", 40)

        assert days_of(connection, who.user_id) == {0: (5700, 100_040)}


async def test_a_month_is_read_from_the_sums(database: Database) -> None:
    """A day's figures are its row's, and days without one are zero."""
    who = await database.transact(lambda connection: Store(connection).add_user(9))

    def rewrite(connection: Connection) -> None:
        connection.execute(
            "INSERT INTO daily_usage VALUES (%s, (now() AT TIME ZONE 'UTC')::date - 3, 11, 13)",
            (who.user_id,),
        )

    await database.transact(rewrite)
    days = await Wallet(database).usage(who.user_id, 5)

    today = days[-1].date
    assert days == [
        DayUsage(today - dt.timedelta(days=4), 0, 0),
        DayUsage(today - dt.timedelta(days=3), 11, 13),
        DayUsage(today - dt.timedelta(days=2), 0, 0),
        DayUsage(today - dt.timedelta(days=1), 0, 0),
        DayUsage(today, 0, 9),
    ]
