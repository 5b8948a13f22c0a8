"""The live sessions of a process, together."""

import attrs
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from relayd.dialects.native import NativeDialect
from relayd.identity import Principal
from relayd.session.dialect import Hello
from relayd.session.endings import EndReason
from relayd.session.ports import Ports
from relayd.session.registry import Sessions
from relayd.session.report import Report
from tests.fakes.client import FakeClient
from tests.session.world import World


def registry_of(world: World) -> Sessions:
    """A registry on the ports of this world."""
    return Sessions(Ports(world, world.engine, world.ledger), world.limits, world.reports.append)


def talker() -> FakeClient:
    """A client that signed in."""
    client = FakeClient()
    client.say(type="auth", token="good-token")
    return client


async def test_counts_what_is_live(autojump_clock: MockClock) -> None:
    """A session counts from its beginning to its settled end."""
    world = World()
    sessions = registry_of(world)
    client = talker()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sessions.serve, client, "192.0.2.1", NativeDialect())
        await wait_all_tasks_blocked()
        assert len(sessions) == 1
        client.say(type="stop")

    assert len(sessions) == 0


async def test_a_session_of_its_upgrade(autojump_clock: MockClock) -> None:
    """Who said with the upgrade who it is has no first message to send; its address is kept."""
    world = World()
    client = FakeClient()
    client.speak(bytes(3200))
    client.say(type="stop")

    report = await registry_of(world).serve(
        client, "192.0.2.7", NativeDialect(), Hello(Principal(world.user_id))
    )

    assert (report.reason, report.used_ms) == (EndReason.COMPLETED, 100)
    assert report.address == "192.0.2.7"
    assert report.principal == Principal(world.user_id)
    (row,) = world.ledger.books.sessions.values()
    assert row.request.client_address == "192.0.2.7"


async def test_drain_ends_all_in_order(autojump_clock: MockClock) -> None:
    """Every session gets its last words, its ending and 1012, and is settled before it returns."""
    world = World()
    sessions = registry_of(world)
    clients = [talker(), talker()]
    async with trio.open_nursery() as nursery:
        for client in clients:
            nursery.start_soon(sessions.serve, client, "192.0.2.1", NativeDialect())
        await wait_all_tasks_blocked()

        await sessions.drain()

        assert len(sessions) == 0
        world.assert_books()
    for client in clients:
        assert client.types() == ["ready", "transcript", "error", "session_end"]
        assert client.closed is not None
        assert client.closed[1] == 1012


async def test_late_comers_are_sent_away_while_draining(autojump_clock: MockClock) -> None:
    """A connection that slipped in during the drain is told to connect again."""
    world = World()
    sessions = registry_of(world)
    await sessions.drain()
    client = talker()

    report = await sessions.serve(client, "192.0.2.1", NativeDialect())

    assert report.reason is EndReason.SERVER_DRAINING
    assert world.engine.streams == []
    assert client.closed is not None
    assert client.closed[1] == 1012


async def test_every_end_is_told_once(autojump_clock: MockClock) -> None:
    """One report a session, with every number, after it was settled and no longer counts."""
    world = World()
    told: list[tuple[EndReason | None, int, int]] = []

    def ended(report: Report) -> None:
        told.append((report.reason, report.used_ms, len(sessions)))
        world.assert_books()

    sessions = attrs.evolve(registry_of(world), ended=ended)
    client = talker()
    client.speak(bytes(3200))
    client.say(type="stop")

    await sessions.serve(client, "192.0.2.1", NativeDialect())
    await sessions.serve(FakeClient(), "192.0.2.1", NativeDialect())

    assert told == [(EndReason.COMPLETED, 100, 0), (EndReason.AUTH_TIMEOUT, 0, 0)]


async def test_an_end_is_told_that_was_cut_at_the_drains_deadline(
    autojump_clock: MockClock,
) -> None:
    """A session cancelled in the middle of its drain is told like any other, and settled."""
    world = World()
    world.engine.last_words = None
    sessions = registry_of(world)
    client = talker()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sessions.serve, client, "192.0.2.1", NativeDialect())
        await wait_all_tasks_blocked()
        client.speak(bytes(3200))
        await wait_all_tasks_blocked()
        with trio.move_on_after(1) as draining:
            await sessions.drain()
        assert draining.cancelled_caught
        nursery.cancel_scope.cancel()

    (report,) = world.reports
    assert report.reason is EndReason.SERVER_DRAINING
    assert (report.used_ms, report.settled) == (100, True)
    world.assert_books()
