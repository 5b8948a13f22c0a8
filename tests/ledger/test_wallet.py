"""What operators and routes see of a user's credit."""

import datetime as dt
from uuid import UUID, uuid4

import pytest

from relayd.database.ports import Connection, Database
from relayd.identity import Principal
from relayd.ledger.holds import Policy
from relayd.ledger.outcomes import Balance, Booked, BookingRefusal, DayUsage
from relayd.ledger.postgres import PostgresLedger
from relayd.ledger.sweeper import register_boot
from relayd.ledger.wallet import Wallet
from relayd.session.endings import EndReason
from relayd.session.ports import OpenRequest, Settlement
from relayd.speech.tariff import Tariff
from tests.ledger.store import Store

pytestmark = pytest.mark.system


async def _play(database: Database) -> tuple[Principal, OpenRequest, OpenRequest]:
    """One user with an ended and a live session."""
    who = await database.transact(lambda connection: Store(connection).add_user(100_000))
    ledger = PostgresLedger(database, uuid4(), Policy())
    await register_boot(database, ledger.boot_id, "test")
    ended = OpenRequest(uuid4(), who, "engine", "nova", "192.0.2.7", Tariff(1500))
    live = OpenRequest(uuid4(), who, "engine", "nova", "192.0.2.7")
    for request in (ended, live):
        await ledger.open(request)
    await ledger.close(Settlement(ended.session_id, 12_000, 12_100, EndReason.COMPLETED))
    return who, ended, live


async def test_grant_and_adjust(database: Database) -> None:
    """Credit is given and corrected, each under its key."""
    who = await database.transact(lambda connection: Store(connection).add_user())
    wallet = Wallet(database)

    granted = await wallet.grant(who.user_id, 5000, "welcome", "g1")
    adjusted = await wallet.adjust(who.user_id, -6000, "mistake", "a1")

    assert isinstance(adjusted, Booked)
    assert await wallet.balance(who.user_id) == adjusted.balance
    assert granted == Booked(Balance(5000, 0, 0), repeated=False)
    assert adjusted == Booked(Balance(0, 0, 1000), repeated=False)
    assert await wallet.grant(uuid4(), 1, "x", "g2") is BookingRefusal.UNKNOWN_USER
    assert await wallet.balance(uuid4()) is None


async def test_sessions_live_and_recent(database: Database) -> None:
    """A session is live until it ends, and then recent, with its figures."""
    who, ended, live = await _play(database)
    wallet = Wallet(database)
    await database.transact(lambda connection: Store(connection).add_user(5))

    (running,) = await wallet.live_sessions()
    (past,) = await wallet.recent_sessions(who.user_id)

    assert (running.session_id, running.ended_at, running.end_reason) == (
        live.session_id,
        None,
        None,
    )
    assert (past.session_id, past.used_ms, past.reported_ms, past.end_reason) == (
        ended.session_id,
        12_000,
        12_100,
        "completed",
    )
    assert (past.rate, running.rate) == (1500, 1000)
    assert past.email == f"{who.user_id}@example.org"
    assert await wallet.live_sessions(uuid4()) == []
    assert await wallet.recent_sessions(uuid4()) == []
    assert await wallet.recent_sessions(who.user_id, 0) == []


async def test_how_many_recent_sessions_are_shown(database: Database) -> None:
    """The last ten where nobody says how many: an operator looks for what just happened."""
    who = await database.transact(lambda connection: Store(connection).add_user(100_000))
    ledger = PostgresLedger(database, uuid4(), Policy())
    await register_boot(database, ledger.boot_id, "test")
    played = [OpenRequest(uuid4(), who, "engine", "nova", "192.0.2.7") for _ in range(12)]
    for request in played:
        await ledger.open(request)
        await ledger.close(Settlement(request.session_id, 0, None, EndReason.COMPLETED))

    recent = await Wallet(database).recent_sessions()

    assert [one.session_id for one in recent] == [one.session_id for one in played[:1:-1]]


async def test_usage_by_day(database: Database) -> None:
    """Every day is there, oldest first, and today has what was used and what was credited."""
    who, _, _ = await _play(database)

    days = await Wallet(database).usage(who.user_id)

    assert len(days) == 30
    assert (days[-1].used_ms, days[-1].credited_ms) == (12_000, 100_000)
    assert days[0] == DayUsage(days[-1].date - dt.timedelta(days=29), 0, 0)


async def test_usage_of_a_live_session(database: Database) -> None:
    """What a session used so far counts today, before it ends, and once when it has."""
    who, _, live = await _play(database)
    boot_id = await database.transact(_boot_of, live.session_id)
    ledger = PostgresLedger(database, boot_id, Policy())
    wallet = Wallet(database)

    await ledger.renew(live.session_id, 7000, 7000)
    during = (await wallet.usage(who.user_id))[-1].used_ms
    await ledger.close(Settlement(live.session_id, 8000, None, EndReason.COMPLETED))

    assert during == 12_000 + 7000
    assert [day.used_ms for day in await wallet.usage(who.user_id, 2)] == [0, 12_000 + 8000]


def _boot_of(connection: Connection, session_id: UUID) -> UUID:
    row = connection.execute(
        "SELECT boot_id FROM transcription_sessions WHERE id = %s", (session_id,)
    ).fetchone()
    assert row is not None
    boot_id: UUID = row[0]
    return boot_id
