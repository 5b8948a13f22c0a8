"""What one account may have its sessions do, and how often."""

import pytest
import trio
import trio.lowlevel
import trio.testing
from trio.testing import MockClock

from relayd.session.endings import EndReason
from tests import defaults
from tests.session.world import World


@pytest.mark.parametrize(("seconds", "wait"), [(10, "Wait 50 s."), (59.5, "Wait 1 s.")])
async def test_opening_too_often(autojump_clock: MockClock, seconds: float, wait: str) -> None:
    """Beyond so many a minute an account is refused before ledger and engine hear of it."""
    world = World(opens_per_minute=1)
    assert await world.count_opening(world.user_id) == 0
    await trio.sleep(seconds)
    world.sign_in()

    report = await world.run()

    assert report.reason is EndReason.TOO_MANY_SESSIONS
    assert report.settled is None
    assert world.engine.streams == []
    error = world.client.heard[0][1]
    assert (error["code"], error["fatal"]) == ("too_many_sessions", True)
    assert error["message"].endswith(wait)
    assert world.client.closed is not None
    assert world.client.closed[1] == 4429


async def test_finalize_once_a_second(autojump_clock: MockClock) -> None:
    """However often an app asks, an engine is asked once a second; the last asking counts."""
    world = World()

    async def play() -> None:
        world.sign_in()
        await world.talk(0.1)
        for _ in range(1000):
            world.client.say(type="Finalize")
        await trio.sleep(0.5)
        assert world.engine.stream.finalized == 1
        await trio.sleep(0.6)
        assert world.engine.stream.finalized == 2
        await trio.sleep(5)
        assert world.engine.stream.finalized == 2
        world.client.say(type="finalize")
        await trio.lowlevel.checkpoint()
        await trio.testing.wait_all_tasks_blocked()
        assert world.engine.stream.finalized == 3
        world.stop()

    await world.run(play)


@pytest.mark.parametrize("at_once", [False, True])
async def test_tiny_frames_go_up_together(autojump_clock: MockClock, at_once: bool) -> None:
    """Less than 20 ms never goes up by itself while more of it comes, and no byte is lost."""
    world = World()
    world.take_at_once(at_once)
    spoken = bytes(range(256)) * 25

    async def play() -> None:
        world.sign_in()
        await trio.testing.wait_all_tasks_blocked()
        for byte in spoken:
            world.client.speak(bytes([byte]))
        await trio.testing.wait_all_tasks_blocked()
        world.stop()

    report = await world.run(play)

    stream = world.engine.stream
    assert bytes(stream.audio) == spoken
    assert [size for _, size in stream.sends] == [640] * 10
    assert report.used_ms == 200


async def test_a_little_audio_waits_but_not_for_long(autojump_clock: MockClock) -> None:
    """What is too little goes up after 50 ms, or with what it was followed by."""
    world = World()

    async def play() -> None:
        world.sign_in()
        await trio.sleep(1)
        world.client.speak(bytes(320))
        await trio.sleep(1)
        world.client.speak(bytes(320))
        world.client.speak(bytes(3200))
        await trio.sleep(1)
        world.client.speak(bytes(2))
        world.client.say(type="finalize")
        await trio.sleep(1)
        world.client.speak(bytes(4))
        world.stop()

    report = await world.run(play)

    sends = [(round(at, 3), size) for at, size in world.engine.stream.sends]
    assert sends == [(1.05, 320), (2, 3520), (3, 2), (4, 4)]
    assert report.used_ms == 121


async def test_a_little_audio_is_paid_for_once_it_goes_up(autojump_clock: MockClock) -> None:
    """What never reached the engine costs nothing, and what did isn't left out."""
    world = World(credit_ms=15)

    async def play() -> None:
        world.sign_in()
        await trio.sleep(1)
        for _ in range(4):
            world.client.speak(bytes(320))
        await trio.sleep(1)

    report = await world.run(play)

    assert report.reason is EndReason.INSUFFICIENT_CREDITS
    assert report.used_ms == 15
    assert len(world.engine.stream.audio) == 15 * 32
    world.assert_books()


async def test_keepalives_alone_hold_no_stream_for_ever(autojump_clock: MockClock) -> None:
    """Without audio a session ends after its own time, however alive its app is."""
    world = World(limits=defaults.limits(audioless_seconds=100))

    async def play() -> None:
        world.sign_in()
        await world.talk(1.0)
        for _ in range(30):
            await trio.sleep(5)
            world.keepalive()

    report = await world.run(play)

    assert report.reason is EndReason.IDLE_TIMEOUT
    assert world.client.closed == (101, 4408, "idle_timeout")
    assert world.client.last("error")["message"] == "No audio came for too long."
