"""Where sessions came from is forgotten in time, and nothing else of them."""

from uuid import UUID, uuid4

import pytest

from relayd.database.ports import Connection, Database
from relayd.ledger import forgetting
from relayd.ledger.audit import audit
from relayd.ledger.forgetting import forget_addresses
from relayd.ledger.holds import Policy
from relayd.session.endings import EndReason
from relayd.session.ports import Settlement
from tests.ledger.steps import request_of
from tests.ledger.store import Store

pytestmark = pytest.mark.system


def _play(connection: Connection) -> list[UUID]:
    """Sessions that ended 31 and 29 days ago, and one that lives, began as long ago."""
    store, boot_id = Store(connection), uuid4()
    who = store.add_user(100_000)
    ages = {uuid4(): (31, True), uuid4(): (29, True), uuid4(): (31, False)}
    for session_id, (_, ends) in ages.items():
        store.open(request_of(who, session_id), boot_id, Policy(streams_per_user=3))
        if ends:
            store.close(Settlement(session_id, 5000, None, EndReason.COMPLETED))
    guard = "TRIGGER transcription_sessions_only_grow"
    connection.execute(f"ALTER TABLE transcription_sessions DISABLE {guard}")
    for session_id, (days, _) in ages.items():
        connection.execute(
            "UPDATE transcription_sessions"
            " SET started_at = started_at - make_interval(days => %(days)s),"
            " ended_at = ended_at - make_interval(days => %(days)s) WHERE id = %(id)s",
            {"days": days, "id": session_id},
        )
    connection.execute(f"ALTER TABLE transcription_sessions ENABLE ALWAYS {guard}")
    return list(ages)


def _addresses(connection: Connection, ids: list[UUID]) -> list[str]:
    found = connection.execute(
        "SELECT client_address FROM transcription_sessions WHERE id = ANY(%s)"
        " ORDER BY array_position(%s, id)",
        (ids, ids),
    ).fetchall()
    return [address for (address,) in found]


async def test_an_address_is_forgotten_in_time(database: Database) -> None:
    """After so many days from its session's end, once; what was used stays as it was."""
    ids = await database.transact(_play)

    assert await forget_addresses(database, 30) == 1
    assert await database.transact(_addresses, ids) == ["", "192.0.2.1", "192.0.2.1"]
    assert await forget_addresses(database, 30) == 0
    assert await database.transact(audit) == ()


async def test_a_session_that_lives_keeps_its_address(database: Database) -> None:
    """Kept for no time at all, addresses go with the end of their session."""
    ids = await database.transact(_play)

    assert await forget_addresses(database, 0) == 2
    assert await database.transact(_addresses, ids) == ["", "", "192.0.2.1"]


async def test_a_great_many_are_forgotten_in_parts(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No transaction takes more than its part, and a round goes on until all are gone."""
    monkeypatch.setattr(forgetting, "_ROWS", 1)
    await database.transact(_play)

    assert await forget_addresses(database, 0) == 2
