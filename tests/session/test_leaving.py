"""How a session that streams is left: by its app, by its engine, by a drain."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from relayd.errors import UpstreamRejected
from relayd.session.endings import EndReason
from tests import defaults
from tests.session.audio import frame
from tests.session.world import World


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (1000, EndReason.COMPLETED),
        (1001, EndReason.COMPLETED),
        (1005, EndReason.COMPLETED),
        (1006, EndReason.CLIENT_GONE),
        (1011, EndReason.CLIENT_GONE),
        (4000, EndReason.CLIENT_GONE),
    ],
)
async def test_closing_in_order_completes(
    code: int, reason: EndReason, autojump_clock: MockClock
) -> None:
    """An app that closes as it should has finished; only a lost connection is a client gone."""
    world = World()
    world.engine.last_words = None

    async def play() -> None:
        world.sign_in()
        await world.talk(1.0)
        world.client.hang_up(code)

    report = await world.run(play)

    assert report.reason is reason
    assert report.used_ms == 1000
    # Nobody hears last words any more: they are not waited for.
    assert trio.current_time() == 1.0
    world.assert_books()


async def test_undecodable_audio_is_the_clients_to_mend(autojump_clock: MockClock) -> None:
    """An engine that can't decode the audio ends the session as bad_config, in its words."""
    world = World()

    async def play() -> None:
        world.sign_in()
        await wait_all_tasks_blocked()
        world.engine.stream.fail(UpstreamRejected("encoding: could not be decoded"))

    report = await world.run(play)

    assert report.reason is EndReason.BAD_CONFIG
    assert isinstance(report.upstream_error, UpstreamRejected)
    assert world.client.last("error")["message"] == "encoding: could not be decoded"


async def test_an_engine_that_just_ends(autojump_clock: MockClock) -> None:
    """A stream that the engine ends without being told to is a failure of the engine."""
    world = World()

    async def play() -> None:
        world.sign_in()
        await world.talk(1.0)
        world.engine.stream.end()

    report = await world.run(play)

    assert report.reason is EndReason.UPSTREAM_CLOSED
    assert trio.current_time() == 1.0


async def test_last_words_are_bounded(autojump_clock: MockClock) -> None:
    """An engine that never finishes delays the end by the deadline and no more."""
    world = World()
    world.engine.last_words = None
    world.sign_in()
    world.client.say(type="stop")

    await world.run()

    assert world.client.closed is not None
    assert world.client.closed[0] == defaults.limits().finish_seconds


async def test_stalled_engine_does_not_hide_that_the_client_left(
    autojump_clock: MockClock,
) -> None:
    """While audio waits for the engine nobody reads, yet the end of the client is noticed."""
    world = World()
    world.engine.stalled = True

    async def play() -> None:
        world.sign_in()
        world.client.speak(frame(100))
        await trio.sleep(2)
        world.client.hang_up()

    report = await world.run(play)

    assert report.reason is EndReason.CLIENT_GONE
    assert trio.current_time() == 2
    assert world.engine.stream.left_at == 2


async def test_nobody_waits_for_last_words_of_a_client_that_left(
    autojump_clock: MockClock,
) -> None:
    """A client that hangs up while its session finishes is not waited for."""
    world = World()
    world.engine.last_words = None

    async def play() -> None:
        world.sign_in()
        world.client.say(type="stop")
        await trio.sleep(1)
        world.client.hang_up()

    report = await world.run(play)

    assert report.reason is EndReason.COMPLETED
    assert trio.current_time() == 1


async def test_drain_lets_a_frame_on_its_way_finish(autojump_clock: MockClock) -> None:
    """What was admitted is delivered whole before the engine is told to finish."""
    world = World()
    world.engine.send_seconds = 0.5

    async def play() -> None:
        world.sign_in()
        world.client.speak(frame(100))
        await trio.sleep(0.25)
        world.session.ending.give(EndReason.SERVER_DRAINING)

    report = await world.run(play)

    assert report.used_ms == 100
    assert len(world.engine.stream.audio) == len(frame(100))
    assert world.client.last("transcript")["text"] == "goodbye"


async def test_drain_while_part_of_a_frame_is_on_its_way(autojump_clock: MockClock) -> None:
    """What was admitted of a frame is delivered; nobody waits for credit for the rest of it."""
    world = World(credit_ms=50)
    world.engine.send_seconds = 0.5

    async def play() -> None:
        world.sign_in()
        world.client.speak(frame(100))
        await trio.sleep(0.25)
        world.session.ending.give(EndReason.SERVER_DRAINING)

    report = await world.run(play)

    assert (report.reason, report.used_ms) == (EndReason.SERVER_DRAINING, 50)
    assert len(world.engine.stream.audio) == len(frame(50))
    assert trio.current_time() == 0.5


async def test_cancelled_from_outside_means_that_the_client_is_gone(
    autojump_clock: MockClock,
) -> None:
    """The edge drops a connection by cancelling: what was said is charged and settled."""
    world = World()
    with trio.move_on_after(1.05):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(world.run)
            world.sign_in()
            await world.talk(60)

    assert world.session.report.reason is EndReason.CLIENT_GONE
    assert (world.session.report.used_ms, world.session.report.settled) == (1000, True)
    world.assert_books()
