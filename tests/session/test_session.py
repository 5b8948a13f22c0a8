"""A session that streams: what it carries up and down, and what it answers."""

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from relayd.session.dialect import Malformed
from relayd.session.endings import EndReason
from tests import defaults
from tests.session.audio import frame
from tests.session.world import World


async def test_ready_comes_once_the_engine_is_open(autojump_clock: MockClock) -> None:
    """The client is told to talk when somebody listens, with the credit it has."""
    world = World()
    world.engine.open_seconds = 0.3

    async def play() -> None:
        world.sign_in()
        await trio.sleep(1)
        world.client.say(type="stop")

    await world.run(play)

    at, ready = world.client.heard[0]
    assert at == 0.3
    assert ready["type"] == "ready"
    assert ready["engine"] == "fake"
    assert ready["model"] == "fake-1"
    assert ready["seconds_remaining"] == 600.0
    assert ready["session_id"] == str(world.session.session_id)


async def test_early_audio_is_not_lost(autojump_clock: MockClock) -> None:
    """An app that doesn't wait for ready is heard from its first byte."""
    world = World()
    world.engine.open_seconds = 0.3
    world.sign_in()
    world.client.speak(frame(100))
    world.client.say(type="stop")

    report = await world.run()

    assert report.used_ms == 100
    assert len(world.engine.stream.audio) == len(frame(100))


async def test_empty_frames_are_ignored(autojump_clock: MockClock) -> None:
    """Deepgram would take an empty message for the end: it never gets one."""
    world = World()
    world.sign_in()
    world.client.speak(b"")
    world.client.say(type="stop")

    await world.run()

    assert world.engine.stream.sends == []


async def test_audio_that_waits_for_nothing_counts_as_well(autojump_clock: MockClock) -> None:
    """Who speaks is not idle, though no task of the session has to wake for a frame."""
    world = World(limits=defaults.limits(idle_seconds=2))
    world.take_at_once(True)

    async def play() -> None:
        world.sign_in()
        await world.talk(5)

    report = await world.run(play)

    assert (report.reason, report.used_ms) == (EndReason.IDLE_TIMEOUT, 5000)
    assert report.seconds == 7


async def test_controls_stay_behind_audio(autojump_clock: MockClock) -> None:
    """Finalize reaches the engine after the audio that was sent before it."""
    world = World()
    world.sign_in()
    world.client.speak(frame(100))
    world.client.say(type="finalize")
    world.client.say(type="stop")

    await world.run()

    assert world.engine.stream.finalized == 1
    assert len(world.engine.stream.audio) == len(frame(100))


async def test_malformed_text_is_answered_and_survived(autojump_clock: MockClock) -> None:
    """Nonsense is answered with a non-fatal error, counted, and the session goes on."""
    world = World()
    world.sign_in()
    for text in ["{", '{"type":"dance"}', '{"type":"auth","token":"again"}']:
        world.client.send_text(text)
    world.client.speak(frame(100))
    world.client.say(type="stop")

    report = await world.run()

    errors = [message for _, message in world.client.heard if message["type"] == "error"]
    assert [error["fatal"] for error in errors] == [False] * 3
    not_json, not_known = map(world.session.dialect.parse, ["{", '{"type":"dance"}'])
    assert isinstance(not_json, Malformed)
    assert isinstance(not_known, Malformed)
    assert [error["message"] for error in errors] == [
        not_json.problem,
        not_known.problem,
        "This session is authenticated already.",
    ]
    assert {error["code"] for error in errors} == {"bad_message"}
    assert report.malformed == 3
    assert report.reason is EndReason.COMPLETED
    assert report.used_ms == 100


async def test_remarks_follow_ready(autojump_clock: MockClock) -> None:
    """What a config asks for in vain is told by name, and the session goes on."""
    world = World()
    world.sign_in(frobnicate=True)
    world.client.speak(frame(100))
    world.client.say(type="stop")

    report = await world.run()

    assert world.client.types()[:2] == ["ready", "error"]
    error = world.client.last("error")
    assert (error["code"], error["fatal"]) == ("bad_config", False)
    assert "frobnicate" in error["message"]
    assert report.reason is EndReason.COMPLETED
    assert report.used_ms == 100


async def test_every_result_is_said_and_counted(autojump_clock: MockClock) -> None:
    """Interim or final, each reaches the client in order, and the report has their number."""
    world = World()

    async def play() -> None:
        world.sign_in()
        await wait_all_tasks_blocked()
        world.engine.stream.say("he", is_final=False)
        world.engine.stream.say("hello")
        await wait_all_tasks_blocked()
        world.client.say(type="stop")

    report = await world.run(play)

    heard = [one["text"] for _, one in world.client.heard if one["type"] == "transcript"]
    assert heard == ["he", "hello", "goodbye"]
    assert report.results == 3
