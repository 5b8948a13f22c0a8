"""What PostgreSQL refuses by itself, whatever the code does."""

from collections.abc import Iterator
from typing import LiteralString
from uuid import uuid4

import attrs
import psycopg
import pytest

from relayd.database.ports import Connection
from relayd.ledger.balances import Reservation
from relayd.ledger.holds import Policy
from relayd.session.endings import EndReason
from relayd.session.ports import Opened, OpenRequest, Settlement
from tests.ledger.store import Store

pytestmark = pytest.mark.system


@attrs.frozen
class World:
    """One user with credit, one open session, one settled one."""

    connection: Connection

    def refused(self, statement: LiteralString) -> str:
        """The constraint or the message that refuses this statement."""
        with pytest.raises(psycopg.Error) as refusal:
            self.connection.execute(statement)
        return refusal.value.diag.constraint_name or str(refusal.value)


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """A small world."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        store, boot_id = Store(connection), uuid4()
        who = store.add_user(100_000)
        for ends in (False, True):
            request = OpenRequest(uuid4(), who, "engine", "model", "192.0.2.1")
            assert isinstance(store.open(request, boot_id, Policy()), Opened)
            store.renew(request.session_id, 10_000, 30_000, Policy())
            if ends:
                store.close(Settlement(request.session_id, 15_000, None, EndReason.COMPLETED))
        for ends in (False, True):
            asked = Reservation(uuid4(), who.user_id, 500, "test")
            store.hold(asked)
            if ends:
                store.settle(asked.id, 200)
        yield World(connection)


def test_ledger_is_append_only(world: World) -> None:
    """No entry is changed, deleted or truncated, not even when triggers are told to be silent."""
    world.connection.execute("SET session_replication_role = replica")

    assert "append-only" in world.refused("UPDATE usage_ledger SET amount_ms = 0")
    assert "append-only" in world.refused("DELETE FROM usage_ledger")
    assert "append-only" in world.refused("TRUNCATE usage_ledger")


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE credit_balance SET balance_ms = -1, held_ms = -1", "credit_balance_"),
        ("UPDATE credit_balance SET held_ms = balance_ms + 1", "covers_holds"),
        ("UPDATE credit_balance SET held_ms = -1", "covers_holds"),
        ("UPDATE credit_balance SET balance_ms = held_ms - 1", "covers_holds"),
        ("UPDATE credit_balance SET reserved_ms = held_ms + 1", "holds_cover_reservations"),
        ("UPDATE credit_balance SET reserved_ms = -1", "holds_cover_reservations"),
        (
            (
                "UPDATE reservations SET charged_ms = held_ms + 1, ended_at = now()"
                " WHERE ended_at IS NULL"
            ),
            "charge_within_hold",
        ),
        ("UPDATE reservations SET ended_at = now() WHERE ended_at IS NULL", "ended_with_charge"),
        ("UPDATE reservations SET held_ms = held_ms + 1", "would hold something else"),
        ("UPDATE reservations SET charged_ms = 0 WHERE ended_at IS NOT NULL", "has ended"),
        (
            (
                "INSERT INTO usage_ledger (user_id, kind, reference, amount_ms, reason)"
                " SELECT user_id, 'reservation', 'x', -5, 'x' FROM credit_balance"
            ),
            "usage_ledger_reservation",
        ),
        ("UPDATE credit_balance SET debt_ms = -1", "debt_not_negative"),
        ("UPDATE credit_balance SET debt_ms = 1", "debt_paid_first"),
        (
            "UPDATE transcription_sessions SET used_ms = held_ms + 1 WHERE ended_at IS NULL",
            "within_hold",
        ),
        (
            "UPDATE transcription_sessions SET ended_at = now() WHERE ended_at IS NULL",
            "ended_",
        ),
        (
            (
                "UPDATE transcription_sessions SET ended_at = now(), end_reason = 'x'"
                " WHERE ended_at IS NULL"
            ),
            "ended_hold_nothing",
        ),
        (
            "UPDATE transcription_sessions SET used_ms = used_ms - 1 WHERE ended_at IS NULL",
            "would decrease",
        ),
        (
            "UPDATE transcription_sessions SET reported_ms = 1 WHERE ended_at IS NOT NULL",
            "is settled",
        ),
        (
            (
                "INSERT INTO usage_ledger (user_id, kind, reference, amount_ms, reason)"
                " SELECT user_id, kind, reference, 5, 'again'"
                " FROM usage_ledger WHERE kind = 'grant'"
            ),
            "once",
        ),
        (
            (
                "INSERT INTO usage_ledger (user_id, kind, reference, amount_ms, reason)"
                " SELECT id, 'gift', 'x', 5, 'x' FROM users"
            ),
            "kind",
        ),
        (
            (
                "INSERT INTO usage_ledger (user_id, kind, reference, amount_ms, reason)"
                " SELECT user_id, 'grant', 'x', -5, 'x' FROM credit_balance"
            ),
            "sign",
        ),
        (
            (
                "INSERT INTO usage_ledger (user_id, kind, reference, amount_ms, reason)"
                " SELECT user_id, 'session', 'x', -5, 'x' FROM credit_balance"
            ),
            "session",
        ),
    ],
)
def test_constraint_refuses(world: World, statement: LiteralString, constraint: str) -> None:
    """Overspending, forgetting and booking twice are refused by the database itself."""
    assert constraint in world.refused(statement)
