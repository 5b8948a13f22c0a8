"""The audit finds each kind of broken books, and nothing in whole ones."""

from collections.abc import Iterator
from typing import LiteralString
from uuid import UUID, uuid4

import attrs
import psycopg
import pytest

from relayd.database.ports import Connection
from relayd.ledger.audit import RULES, audit
from relayd.ledger.balances import Entry, Reservation, book
from relayd.ledger.holds import Policy
from relayd.ledger.outcomes import label
from relayd.session.endings import EndReason
from relayd.session.hearers import Hearer, Share
from relayd.session.ports import OpenRequest, Settlement
from tests.ledger.store import Store

pytestmark = pytest.mark.system

TURNS = (
    Share(Hearer("engine", "model", 1000), 4000, 1, last=False),
    Share(Hearer("other", "model", 500), 2000, 1, last=True),
)

(
    BALANCE,
    HELD,
    RESERVED,
    RANGE,
    SESSION,
    ENTRY,
    HEARD,
    RESERVATION,
    JOB,
    LANE,
    PURCHASE,
    TAKEN_BACK,
    INVOICE,
    CLAIMED,
    FROZEN,
    DAILY,
    LOTS,
    LOT,
    WANTED,
    SPENT,
    TWICE,
) = RULES


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """Whole books, with everything removed that would keep them whole."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        store, boot_id = Store(connection), uuid4()
        for spent_ms in (5000, 0):
            who = store.add_user(100_000)
            for ends in (False, True):
                request = OpenRequest(uuid4(), who, "engine", "model", "192.0.2.1")
                store.open(request, boot_id, Policy())
                store.renew(request.session_id, spent_ms, 30_000, Policy())
                if ends:
                    ended = Settlement(request.session_id, 6000, None, EndReason.COMPLETED)
                    store.close(attrs.evolve(ended, shares=TURNS))
        busy = store.add_user(50_000).user_id
        for amount_ms, charged_ms in ((7000, None), (9000, 8000), (300, 0)):
            asked = Reservation(uuid4(), busy, amount_ms, "test")
            store.hold(asked)
            if charged_ms is not None:
                store.settle(asked.id, charged_ms)
        _grant_lots(store)
        in_debt = store.add_user(10)
        _buy(connection, store.add_user().user_id)
        store.book(in_debt.user_id, "adjustment", "dispute", -50)
        for table in (
            "usage_ledger",
            "transcription_sessions",
            "reservations",
            "credit_balance",
            "purchases",
            "purchase_reversals",
            "credit_lots",
        ):
            _unguard(connection, table)
        yield connection


def _grant_lots(store: Store) -> None:
    """Lots of which something was spent, ran out, was taken back and is held."""
    user_id = store.add_user(2000).user_id
    store.grant_lot(user_id, "gone", 1000, 1, True)
    store.grant_lot(user_id, "refunded", 4000, 24, False)
    asked = Reservation(uuid4(), user_id, 1500, "test")
    store.hold(asked)
    store.settle(asked.id, 1500)
    store.pass_time(user_id, 1)
    store.expire(user_id)
    store.claim_lot("refunded", 2000)


def _buy(connection: Connection, user_id: UUID) -> None:
    """A purchase of which 30 % were refunded, and one that never came to anything."""
    sold = uuid4()
    insert = (
        "INSERT INTO purchases (id, user_id, package_id, label, seconds, price_cents, currency,"
        " status, settled_at, clawed_back_ms)"
        " VALUES (%s, %s, 'p', 'p', 1, 1000, 'usd', %s, now(), %s)"
    )
    with connection.transaction():
        connection.execute(insert, (sold, user_id, "paid", 300))
        connection.execute(insert, (uuid4(), user_id, "failed", 0))
        connection.execute(
            "INSERT INTO purchase_reversals (id, kind, purchase_id, amount_cents, counted_cents,"
            " status, look) VALUES ('re_1', 'refund', %s, 300, 300, 'succeeded', 1)",
            (sold,),
        )
        for kind, key, amount_ms in (("purchase", str(sold), 1000), ("refund", "re_1", -300)):
            book(connection, Entry(user_id, kind, key, amount_ms, "test", sold))


def _unguard(connection: Connection, table: LiteralString) -> None:
    connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    checks = connection.execute(
        "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass"
        " AND (contype = 'c' OR conname = 'usage_ledger_once')",
        (table,),
    ).fetchall()
    for (name,) in checks:
        drop = psycopg.sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}")
        connection.execute(drop.format(psycopg.sql.Identifier(table), psycopg.sql.Identifier(name)))


def rules_broken(connection: Connection) -> set[str]:
    """The rules of which the audit finds rows at fault."""
    with connection.transaction():
        return {finding.rule for finding in audit(connection)}


def test_whole_books_have_no_findings(connection: Connection) -> None:
    """Open and ended sessions, holds and debts: all accounted for."""
    assert rules_broken(connection) == set()


@pytest.mark.parametrize(
    ("statement", "rules"),
    [
        ("UPDATE credit_balance SET balance_ms = balance_ms + 1 WHERE debt_ms = 0", {BALANCE}),
        ("UPDATE credit_balance SET debt_ms = debt_ms - 1 WHERE debt_ms > 0", {BALANCE}),
        ("UPDATE credit_balance SET held_ms = held_ms + 1 WHERE debt_ms = 0", {HELD}),
        ("UPDATE credit_balance SET held_ms = -1 WHERE debt_ms = 0", {HELD, RANGE}),
        (
            "UPDATE credit_balance SET reserved_ms = reserved_ms - 1 WHERE reserved_ms > 0",
            {HELD, RESERVED},
        ),
        (
            (
                "UPDATE credit_balance SET reserved_ms = reserved_ms + 1, held_ms = held_ms + 1"
                " WHERE reserved_ms > 0"
            ),
            {RESERVED},
        ),
        (
            "UPDATE credit_balance SET reserved_ms = held_ms + 1 WHERE debt_ms = 0",
            {HELD, RESERVED, RANGE},
        ),
        ("DELETE FROM reservations WHERE ended_at IS NULL", {RESERVED}),
        (
            "UPDATE reservations SET charged_ms = 0, ended_at = now() WHERE ended_at IS NULL",
            {RESERVED, RESERVATION},
        ),
        ("UPDATE reservations SET charged_ms = 7999 WHERE charged_ms = 8000", {RESERVATION}),
        ("UPDATE reservations SET held_ms = 7999 WHERE charged_ms = 8000", {RESERVATION}),
        (
            "DELETE FROM usage_ledger WHERE kind = 'reservation' AND amount_ms < 0",
            {BALANCE, RESERVATION, DAILY},
        ),
        (
            "UPDATE credit_balance SET balance_ms = balance_ms + 1 WHERE debt_ms > 0",
            {BALANCE, RANGE},
        ),
        (
            "UPDATE transcription_sessions SET used_ms = used_ms + 1 WHERE ended_at IS NULL",
            {BALANCE, HELD},
        ),
        (
            "UPDATE transcription_sessions SET used_ms = used_ms + 1 WHERE ended_at IS NOT NULL",
            {SESSION, ENTRY, HEARD},
        ),
        ("UPDATE session_engines SET charged_ms = charged_ms + 1", {HEARD}),
        ("DELETE FROM session_engines WHERE last", {HEARD}),
        (
            "UPDATE transcription_sessions SET held_ms = held_ms + 1 WHERE ended_at IS NOT NULL",
            {SESSION},
        ),
        ("DELETE FROM usage_ledger WHERE kind = 'session'", {BALANCE, ENTRY, DAILY}),
        (
            (
                "INSERT INTO usage_ledger (user_id, kind, reference, session_id, amount_ms, reason)"
                " SELECT user_id, kind, reference, session_id, 0, 'again'"
                " FROM usage_ledger WHERE kind = 'session'"
            ),
            {ENTRY, TWICE},
        ),
        (
            (
                "INSERT INTO usage_ledger (user_id, kind, reference, amount_ms, reason)"
                " SELECT user_id, kind, reference, amount_ms, 'again'"
                " FROM usage_ledger WHERE kind = 'grant'"
            ),
            {BALANCE, TWICE, DAILY},
        ),
        ("DELETE FROM usage_ledger WHERE kind = 'purchase'", {BALANCE, PURCHASE, DAILY}),
        ("UPDATE purchases SET status = 'paid'", {PURCHASE}),
        (
            "UPDATE purchases SET status = 'failed', clawed_back_ms = 0",
            {PURCHASE, TAKEN_BACK},
        ),
        ("UPDATE purchases SET seconds = 2 WHERE status = 'paid'", {PURCHASE, TAKEN_BACK}),
        ("UPDATE purchases SET clawed_back_ms = 299 WHERE status = 'paid'", {TAKEN_BACK}),
        ("DELETE FROM usage_ledger WHERE kind = 'refund'", {BALANCE, TAKEN_BACK}),
        ("UPDATE purchase_reversals SET counted_cents = 301", {TAKEN_BACK}),
        ("UPDATE purchase_reversals SET open = true", {FROZEN}),
        ("UPDATE credit_balance SET frozen_since = now()", {FROZEN}),
        ("UPDATE daily_usage SET used_ms = used_ms + 1", {DAILY}),
        ("UPDATE daily_usage SET credited_ms = credited_ms + 1", {DAILY}),
        ("DELETE FROM daily_usage", {DAILY}),
        ("UPDATE daily_usage SET expired_ms = expired_ms + 1", {DAILY}),
        ("UPDATE credit_balance SET lots_batch_ms = lots_batch_ms + 1 WHERE debt_ms = 0", {LOTS}),
        (
            "UPDATE credit_balance SET lots_due_at = lots_due_at + interval '1 s'",
            {LOTS},
        ),
        ("UPDATE credit_balance SET lots_due_at = NULL", {LOTS}),
        (
            (
                "UPDATE credit_lots SET amount_ms = 9000, claimed_ms = 8000"
                " WHERE source_id = 'refunded'"
            ),
            {LOTS, LOT, WANTED},
        ),
        ("UPDATE credit_lots SET spent_ms = spent_ms - 1 WHERE source_id = 'gone'", {LOTS}),
        ("UPDATE credit_lots SET expired_ms = expired_ms + 1, spent_ms = spent_ms - 1", {LOT}),
        ("UPDATE credit_lots SET owed_ms = owed_ms + 1 WHERE source_id = 'refunded'", {LOT}),
        ("UPDATE credit_lots SET claimed_ms = 0", {LOT}),
        ("UPDATE credit_lots SET spent_ms = spent_ms + 5000", {LOTS, LOT, SPENT}),
        ("DELETE FROM usage_ledger WHERE kind = 'expiry'", {BALANCE, DAILY, LOT}),
        ("DELETE FROM usage_ledger WHERE kind = 'takeback'", {BALANCE, LOT}),
        ("DELETE FROM usage_ledger WHERE kind = 'lot'", {BALANCE, DAILY, LOT}),
        ("UPDATE usage_ledger SET created_at = created_at - interval '1 day'", {DAILY}),
    ],
)
def test_finds_what_is_broken(
    connection: Connection, statement: LiteralString, rules: set[str]
) -> None:
    """Each identity that a change breaks is found, and no other."""
    connection.execute(statement)

    assert rules_broken(connection) == rules


def test_names_the_rows_at_fault(connection: Connection) -> None:
    """A finding says whose books are wrong and by which figures."""
    connection.execute("UPDATE credit_balance SET held_ms = held_ms + 7 WHERE balance_ms > 90000")

    with connection.transaction():
        findings = audit(connection)

    assert len(findings) == 1
    assert set(findings[0].row) == {"user_id", "held_ms", "reserved_ms", "unused_ms"}
    assert label(findings[0]).startswith(f"{HELD}: user_id=")


def test_names_each_row_at_fault(connection: Connection) -> None:
    """Whose books are wrong is shown of all of them, as far as anybody would read."""
    broken = connection.execute("UPDATE credit_balance SET debt_ms = debt_ms + 1").rowcount

    with connection.transaction():
        findings = [one for one in audit(connection) if one.rule == BALANCE]

    assert len({finding.row["user_id"] for finding in findings}) == broken > 1
