"""Two transactions that meet: what is read after a wait is what was waited for."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from uuid import UUID, uuid4

import attrs
import psycopg
import pytest
import trio

from relayd.database.ports import Connection, Database
from relayd.ledger import balances, boots, sessions
from relayd.ledger.audit import audit
from relayd.ledger.holds import Policy
from relayd.ledger.outcomes import Balance
from relayd.ledger.renewals import Renewal, renew
from relayd.session.endings import EndReason
from relayd.session.ports import Opened, OpenRequest, Settlement
from tests.fixtures.locks import until_somebody_waits
from tests.ledger.store import Store

pytestmark = pytest.mark.system

POLICY = Policy(hold_ms=30_000, streams_per_user=2)


@attrs.define(eq=False)
class Meeting:
    """One transaction that is under way, and whatever meets it there."""

    database: Database
    first: Connection
    watcher: Connection
    boot_id: UUID = attrs.field(factory=uuid4)

    @property
    def store(self) -> Store:
        """Beside the meeting; each of its steps commits."""
        return Store(self.watcher)

    def request(self, credit_ms: int = 100_000) -> OpenRequest:
        """A session about to start, of a user with credit."""
        self.store.register(self.boot_id)
        who = self.store.add_user(credit_ms)
        return OpenRequest(uuid4(), who, "engine", "model", "192.0.2.1")

    async def outcome(self, second: Any, *arguments: Any, between: Any = None) -> Any:
        """Commit the first once the second waits for it; what the second comes to."""
        outcomes: list[Any] = []

        async def run() -> None:
            outcomes.append(await self.database.transact(second, *arguments))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            await until_somebody_waits(self.watcher)
            if between is not None:
                between()
            assert outcomes == []
            self.first.commit()
        return outcomes[0]


@pytest.fixture
def meeting(database: Database, database_url: str) -> Iterator[Meeting]:
    """On a fresh database."""
    with ExitStack() as stack:
        first = stack.enter_context(psycopg.connect(database_url))
        watcher = stack.enter_context(psycopg.connect(database_url, autocommit=True))
        yield Meeting(database, first, watcher)


async def test_settling_waits_for_an_opening_under_way(meeting: Meeting) -> None:
    """An opening whose COMMIT nobody heard of is settled by who comes after it."""
    request = meeting.request()
    opened = sessions.open_session(meeting.first, request, meeting.boot_id, POLICY)
    assert isinstance(opened, Opened)
    settlement = Settlement(
        request.session_id, 0, None, EndReason.SERVICE_UNAVAILABLE, unanswered=request
    )

    closed = await meeting.outcome(sessions.close_session, settlement)

    assert (closed.charged_ms, closed.balance_ms) == (0, 100_000)
    assert meeting.store.balance(request.principal.user_id) == Balance(100_000, 0, 0)
    assert await meeting.database.transact(audit) == ()


async def test_a_burial_waits_for_a_grant_and_comes_too_late(meeting: Meeting) -> None:
    """A renewal that commits while its daemon is being buried keeps it alive."""
    request = meeting.request()
    meeting.store.open(request, meeting.boot_id, POLICY)
    (pulse,) = await meeting.database.transact(boots.pulses, uuid4())
    renew(meeting.first, Renewal(request.session_id, 1000, 30_000), POLICY)

    buried = await meeting.outcome(boots.bury, meeting.boot_id, pulse.beats)

    assert buried is False
    assert meeting.store.sweep() == 0


async def test_a_sweep_sees_who_came_back_while_it_waited(meeting: Meeting) -> None:
    """A daemon that beats while the sweeper waits for a user's balance keeps that session."""
    request = meeting.request()
    meeting.store.open(request, meeting.boot_id, POLICY)
    meeting.store.crash(meeting.boot_id)
    balances.lock(meeting.first, request.principal.user_id)

    swept = await meeting.outcome(
        sessions.sweep_session,
        request.session_id,
        between=lambda: meeting.store.beat(meeting.boot_id),
    )

    assert swept is None
    meeting.store.renew(request.session_id, 1000, 30_000, POLICY)


async def test_a_beat_waits_for_a_sweep(meeting: Meeting) -> None:
    """Nobody comes back between a sweeper's last look at a boot and the end of the session."""
    request = meeting.request()
    meeting.store.open(request, meeting.boot_id, POLICY)
    meeting.store.crash(meeting.boot_id)
    assert sessions.sweep_session(meeting.first, request.session_id) is not None

    await meeting.outcome(boots.beat, meeting.boot_id)

    assert meeting.store.sweep() == 0
    assert await meeting.database.transact(audit) == ()
