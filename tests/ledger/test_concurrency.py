"""Many sessions of one user at once: PostgreSQL never lets them spend more than was bought."""

from uuid import UUID, uuid4

import attrs
import pytest
import trio

from relayd.database.ports import Connection, Database
from relayd.identity import Principal
from relayd.ledger.audit import audit
from relayd.ledger.holds import Policy
from relayd.ledger.outcomes import Balance
from relayd.ledger.postgres import PostgresLedger
from relayd.ledger.sweeper import register_boot
from relayd.ledger.wallet import Wallet
from relayd.session.endings import EndReason
from relayd.session.ports import Opened, OpenRequest, Renewed, Settlement
from tests.ledger.store import Store

pytestmark = pytest.mark.system

BOUGHT_MS = 20_003
POLICY = Policy(hold_ms=3000, streams_per_user=10)


@attrs.define(eq=False)
class Drain:
    """Sessions of one user that use all they get until nothing is left."""

    ledger: PostgresLedger
    who: Principal
    used_ms: int = 0

    async def speak(self) -> None:
        """One of them."""
        request = OpenRequest(uuid4(), self.who, "engine", "model", "192.0.2.1")
        opened = await self.ledger.open(request)
        if not isinstance(opened, Opened):
            return
        held_total_ms, used_ms, final = opened.held_total_ms, 0, opened.final
        while not (final and used_ms == held_total_ms):
            # A part at a time, so that renewals of all of them meet.
            used_ms += min(500, held_total_ms - used_ms)
            answer = await self.ledger.renew(request.session_id, used_ms, held_total_ms)
            assert isinstance(answer, Renewed)
            assert answer.held_total_ms >= held_total_ms
            held_total_ms, final = answer.held_total_ms, answer.final
        self.used_ms += used_ms
        await self.ledger.close(
            Settlement(request.session_id, used_ms, used_ms, EndReason.INSUFFICIENT_CREDITS)
        )


async def _ledger(database: Database) -> PostgresLedger:
    ledger = PostgresLedger(database, uuid4(), POLICY)
    await register_boot(database, ledger.boot_id, "test")
    return ledger


async def test_sessions_at_once_use_all_and_no_more(database: Database) -> None:
    """Ten sessions in two daemons use exactly what was bought, to the last millisecond."""
    who = await database.transact(lambda connection: Store(connection).add_user(BOUGHT_MS))
    drains = [Drain(await _ledger(database), who) for _ in range(2)]

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            for drain in drains:
                for _ in range(5):
                    nursery.start_soon(drain.speak)

    assert sum(drain.used_ms for drain in drains) == BOUGHT_MS
    assert await Wallet(database).balance(who.user_id) == Balance(0, 0, 0)
    assert await database.transact(audit) == ()


async def test_booking_at_once_books_once(database: Database) -> None:
    """Ten retries of one grant at the same moment are one grant."""
    user_id: UUID = (await database.transact(lambda c: Store(c).add_user())).user_id
    wallet = Wallet(database)

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(wallet.grant, user_id, 500, "bonus", "the-key")

    assert await wallet.balance(user_id) == Balance(500, 0, 0)


async def test_audit_beside_traffic_finds_nothing(database: Database) -> None:
    """The audit sees one moment, however much moves meanwhile."""
    who = await database.transact(lambda connection: Store(connection).add_user(BOUGHT_MS))
    drain = Drain(await _ledger(database), who)
    findings: list[object] = []

    def look(connection: Connection) -> None:
        findings.extend(audit(connection))

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(drain.speak)
            for _ in range(20):
                await database.transact(look)

    assert findings == []
