"""Finding out who it is, which may take its time."""

from uuid import uuid4

import attrs
import pytest
import trio
from trio.testing import MockClock

from relayd.dialects.native import NativeDialect
from relayd.identity import Principal, Scope
from relayd.session.dialect import Hello
from relayd.session.endings import EndReason
from relayd.session.ports import Ports, Trial
from relayd.session.registry import Sessions
from tests.fakes.client import FakeClient
from tests.fakes.engine import FakeEngine
from tests.fakes.ledger import FakeLedger
from tests.session.audio import frame
from tests.session.world import World


async def test_an_authenticator_may_wait(autojump_clock: MockClock) -> None:
    """Who it is may take a while to find out, and nothing that comes meanwhile is lost."""
    world = World(authenticating_seconds=2)
    world.sign_in()
    world.client.speak(frame(100))
    world.client.say(type="stop")

    report = await world.run()

    assert world.client.heard[0][0] == 2
    assert (report.reason, report.used_ms) == (EndReason.COMPLETED, 100)


@pytest.mark.parametrize("world", [World(accounts_away=True), World(authenticating_seconds=60)])
async def test_accounts_out_of_reach(autojump_clock: MockClock, world: World) -> None:
    """An app whose token can't be checked now is told to try again, not that it is wrong."""
    world.sign_in()

    report = await world.run()

    assert report.reason is EndReason.SERVICE_UNAVAILABLE
    assert trio.current_time() <= world.limits.settle_seconds


@pytest.mark.parametrize(
    ("scopes", "test", "words"),
    [({Scope.LIVE}, True, "Test keys open no streams here."), ({Scope.READ}, False, "scope live")],
)
async def test_a_key_that_opens_no_stream(
    autojump_clock: MockClock, scopes: set[Scope], test: bool, words: str
) -> None:
    """One without the scope, and one that pretends where nothing does: nothing is begun for it."""
    world, client = World(), FakeClient()
    sessions = Sessions(
        Ports(world, world.engine, world.ledger), world.limits, world.reports.append
    )
    key = Principal.by_key(world.user_id, uuid4(), frozenset(scopes), test=test)

    report = await sessions.serve(client, "192.0.2.1", NativeDialect(), Hello(key, {}))

    assert report.reason is EndReason.AUTH_FAILED
    assert words in client.last("error")["message"]
    assert (world.engine.streams, world.ledger.books.sessions) == ([], {})
    assert trio.current_time() == 0


async def test_a_test_key_streams_on_what_pretends(autojump_clock: MockClock) -> None:
    """No engine hears it, and nobody pays."""
    world, client, engine = World(), FakeClient(), FakeEngine()
    pretended = FakeLedger()
    key = attrs.evolve(pretended.books.add_key(pretended.add_user(world.user_id)), test=True)
    pretended.grant(world.user_id, 60_000)
    ports = Ports(world, world.engine, world.ledger, trial=Trial(engine, pretended))
    sessions = Sessions(ports, world.limits, world.reports.append)
    client.speak(frame(1000))
    client.say(type="stop")

    report = await sessions.serve(client, "192.0.2.1", NativeDialect(), Hello(key, {}))

    assert (report.reason, report.used_ms) == (EndReason.COMPLETED, 1000)
    assert bytes(engine.stream.audio) == frame(1000)
    assert pretended.balance_of(world.user_id) == 59_000
    assert (world.engine.streams, world.ledger.balance_of(world.user_id)) == ([], 600_000)


async def test_the_time_begins_with_the_arrival(autojump_clock: MockClock) -> None:
    """An app that was there before its session ran has that much less time to say who it is."""
    world, client = World(), FakeClient()
    sessions = Sessions(
        Ports(world, world.engine, world.ledger), world.limits, world.reports.append
    )
    await trio.sleep(100)

    report = await sessions.serve(client, "192.0.2.1", NativeDialect(), arrived_at=97)

    assert report.reason is EndReason.AUTH_TIMEOUT
    assert client.heard[0][0] == 97 + world.limits.auth_seconds
    assert report.seconds == world.limits.auth_seconds
