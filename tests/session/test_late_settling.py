"""Books that could not be settled at a session's end: settled later, whatever went wrong."""

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from relayd.dialects.native import NativeDialect
from tests.conftest import DeclaredErrors
from tests.fakes.client import FakeClient
from tests.session.test_registry import registry_of, talker
from tests.session.world import World


def talker_that_stops() -> FakeClient:
    """A client that signed in and is done."""
    client = talker()
    client.say(type="stop")
    return client


async def test_settles_late_when_the_ledger_was_away(autojump_clock: MockClock) -> None:
    """What could not be settled at a session's end is settled once the ledger is back."""
    world = World()
    sessions = registry_of(world)
    client = talker()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sessions.settle_late)
        async with trio.open_nursery() as serving:
            serving.start_soon(sessions.serve, client, "192.0.2.1", NativeDialect())
            await wait_all_tasks_blocked()
            client.speak(bytes(3200))
            await wait_all_tasks_blocked()
            world.ledger.reachable = False
            client.say(type="stop")
        assert sessions.unsettled == 1
        said = client.last("session_end")
        assert (said["seconds_used"], said["seconds_remaining"]) == (0.1, 599.9)

        await trio.sleep(10)
        assert sessions.unsettled == 1
        world.ledger.reachable = True
        await trio.sleep(3)

        assert sessions.unsettled == 0
        assert world.ledger.balance_of(world.user_id) == 600_000 - 100
        world.assert_books()
        nursery.cancel_scope.cancel()


async def test_an_outage_is_asked_through_every_two_seconds(autojump_clock: MockClock) -> None:
    """However long the ledger is away, books wait no longer than that for its return."""
    world = World()
    sessions = registry_of(world)
    async with trio.open_nursery() as nursery:
        world.ledger.lost.add("close")
        await sessions.serve(talker_that_stops(), "192.0.2.1", NativeDialect())
        nursery.start_soon(sessions.settle_late)
        asked = world.ledger.asked
        asked.clear()
        await trio.sleep(9)

        assert [at for name, at in asked if name == "close"] == [0, 2, 4, 6, 8]
        nursery.cancel_scope.cancel()


async def test_an_unanswered_open_strands_no_credit(autojump_clock: MockClock) -> None:
    """A session that took effect without anybody knowing gives back its hold and its place."""
    world = World()
    sessions = registry_of(world)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sessions.settle_late)
        for _ in range(3):
            world.ledger.lost_replies = 1
            await sessions.serve(talker(), "192.0.2.1", NativeDialect())

        await trio.sleep(60)

        assert sessions.unsettled == 0
        assert world.ledger.open_sessions(world.user_id) == []
        world.assert_books()
        nursery.cancel_scope.cancel()


async def test_drain_waits_for_late_settling(autojump_clock: MockClock) -> None:
    """The daemon doesn't leave while it still owes the ledger a settlement."""
    world = World()
    sessions = registry_of(world)
    client = talker()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sessions.settle_late)
        nursery.start_soon(sessions.serve, client, "192.0.2.1", NativeDialect())
        await wait_all_tasks_blocked()
        world.ledger.reachable = False
        with trio.move_on_after(20) as patience:
            await sessions.drain()
        assert patience.cancelled_caught

        world.ledger.reachable = True
        await sessions.drain()

        world.assert_books()
        nursery.cancel_scope.cancel()


async def test_repeated_settling_charges_once(autojump_clock: MockClock) -> None:
    """A settlement whose answer was lost is sent again and changes nothing."""
    world = World()
    client = talker()
    world.session = world.another(client)

    async def play() -> None:
        await wait_all_tasks_blocked()
        client.speak(bytes(3200))
        await wait_all_tasks_blocked()
        world.ledger.lost_replies = 1
        client.say(type="stop")

    report = await world.run(play)
    assert report.settled is False

    closed = await world.ledger.close(world.session.settlement)

    assert closed.charged_ms == 100
    assert world.ledger.balance_of(world.user_id) == 600_000 - 100


async def test_a_fault_in_settling_is_its_own_session_s(
    autojump_clock: MockClock, declared_errors: DeclaredErrors
) -> None:
    """Its client hears the ending all the same, its neighbour goes on, and it is tried again."""
    world = World()
    sessions = registry_of(world)
    victim, neighbour = talker(), talker()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sessions.settle_late)
        async with trio.open_nursery() as serving:
            serving.start_soon(sessions.serve, victim, "192.0.2.1", NativeDialect())
            await wait_all_tasks_blocked()
            world.ledger.bad = set(world.ledger.books.sessions)
            serving.start_soon(sessions.serve, neighbour, "192.0.2.1", NativeDialect())
            await wait_all_tasks_blocked()
            victim.say(type="stop")
            await trio.sleep(50)
            assert victim.last("session_end")["reason"] == "completed"
            assert len(sessions) == sessions.unsettled == 1
            neighbour.speak(bytes(3200))
            neighbour.say(type="stop")
        # After the session's own attempt: at once, 10 and 30 s later.
        for _ in range(3):
            declared_errors.expect("session can't be settled")
        world.ledger.bad.clear()
        await trio.sleep(60)
        assert sessions.unsettled == 0
        assert world.ledger.balance_of(world.user_id) == 600_000 - 100
        world.assert_books()
        nursery.cancel_scope.cancel()


async def test_drain_does_not_wait_for_what_a_fault_holds_up(
    autojump_clock: MockClock, declared_errors: DeclaredErrors
) -> None:
    """What can't be settled is left to whoever sweeps after the daemon, and the rest is settled."""
    world = World()
    sessions = registry_of(world)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sessions.settle_late)
        for _ in range(2):
            nursery.start_soon(sessions.serve, talker(), "192.0.2.1", NativeDialect())
        await wait_all_tasks_blocked()
        bad, good = world.ledger.books.sessions.values()
        world.ledger.bad = {bad.request.session_id}

        with trio.fail_after(30):
            await sessions.drain()

        assert sessions.unsettled == 1
        faults = [report.fault for report in world.reports if report.fault is not None]
        assert [type(fault) for fault in faults] == [ZeroDivisionError]
        assert bad.end_reason is None
        assert good.end_reason == "server_draining"
        nursery.cancel_scope.cancel()
    declared_errors.expect("session can't be settled")
