"""The ledger of test keys, and a session on it."""

from uuid import uuid4

import attrs
import pytest
from trio.testing import MockClock

from relayd.engines.pretend.live import PretendLive
from relayd.errors import LedgerUnavailable
from relayd.identity import Principal, Scope
from relayd.keys.keys import Keys
from relayd.keys.trial import TrialLedger
from relayd.quotas.counters import Counters
from relayd.session.dialect import Hello
from relayd.session.endings import EndReason
from relayd.session.ports import Closed, Opened, OpenRefusal, OpenRequest, Settlement, Trial
from tests.fakes.keys import MemoryKeys
from tests.keys.contract import made
from tests.session.world import World

CREDIT_MS = 30_000


def trial(keys: Keys) -> TrialLedger:
    """Half a minute, one stream at a time."""
    return TrialLedger(keys, Counters(), CREDIT_MS, streams_max=1)


async def holder(keys: Keys) -> Principal:
    """Who holds a test key."""
    key = await made(keys, uuid4(), test=True)
    return Principal.by_key(key.key.user_id, key.key.id, frozenset({Scope.LIVE}), test=True)


def request(principal: Principal) -> OpenRequest:
    """A stream of theirs."""
    return OpenRequest(uuid4(), principal, "pretend", "pretend", "192.0.2.1")


def end(asked: OpenRequest, used_ms: int) -> Settlement:
    """That stream's end."""
    return Settlement(asked.session_id, used_ms, used_ms, EndReason.COMPLETED)


async def test_every_stream_has_the_same_credit() -> None:
    """It is lent, not held; there are few at once, and opening one twice is as once."""
    keys = Keys(MemoryKeys())
    ledger, principal = trial(keys), await holder(keys)
    first, second = request(principal), request(principal)
    assert await ledger.open(first) == await ledger.open(first)
    assert await ledger.open(second) is OpenRefusal.TOO_MANY_SESSIONS
    assert await ledger.close(end(first, 10_000)) == Closed(0, 20_000)
    assert await ledger.open(second) == Opened(CREDIT_MS, final=True, balance_ms=CREDIT_MS)


async def test_an_outage_is_one_that_sessions_know() -> None:
    """The key can't be looked at: nobody says that it is over."""
    database = MemoryKeys()
    keys = Keys(database)
    principal = await holder(keys)
    database.reachable = False
    with pytest.raises(LedgerUnavailable):
        await trial(keys).open(request(principal))


async def streaming(keys: Keys) -> World:
    """A session of a test key about to run; the real engine and books stand beside."""
    world = World()
    principal = await holder(keys)
    ports = world.session.ports
    world.session.ports = attrs.evolve(ports, trial=Trial(PretendLive(), trial(keys)))
    world.session.hello = Hello(principal)
    world._dialled.set()
    return world


async def test_a_stream_pretends(autojump_clock: MockClock) -> None:
    """Words come, nothing is charged, and no engine is asked; its credit ends as any does."""
    world = await streaming(Keys(MemoryKeys()))

    report = await world.run(lambda: world.talk(40))

    assert report.reason is EndReason.INSUFFICIENT_CREDITS
    assert report.engine == "pretend"
    assert world.client.last("session_end")["seconds_used"] == 30
    assert world.client.last("transcript")["words"]
    assert world.engine.streams == []
    assert world.ledger.balance_of(world.user_id) == 600_000


async def test_a_revoked_key_ends_its_stream(autojump_clock: MockClock) -> None:
    """At the next renewal, as any other."""
    keys = Keys(MemoryKeys())
    world = await streaming(keys)
    assert world.session.hello is not None
    key_id = world.session.hello.principal.key_id
    assert key_id is not None

    async def play() -> None:
        await world.talk(2)
        await keys.revoke(key_id, None)
        await world.talk(world.limits.flush_seconds + 1)

    report = await world.run(play)

    assert report.reason is EndReason.AUTH_REVOKED
    assert report.seconds <= 2 + world.limits.flush_seconds


@pytest.mark.parametrize("scopes", [frozenset[Scope](), frozenset({Scope.BATCH, Scope.READ})])
async def test_a_key_without_the_scope_opens_nothing(
    scopes: frozenset[Scope], autojump_clock: MockClock
) -> None:
    """It is told which one is missing, and the ledger isn't asked."""
    world = World()
    world.session.hello = Hello(Principal.by_key(world.user_id, uuid4(), scopes))
    world._dialled.set()

    report = await world.run()

    assert report.reason is EndReason.AUTH_FAILED
    assert report.settled is None
    assert "the scope live" in world.client.last("error")["message"]
