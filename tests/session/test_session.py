"""A session's behaviour between its first message and its ending."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from relayd.errors import UpstreamRejected
from relayd.session.endings import EndReason
from tests import defaults
from tests.fakes.client import FakeClient
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
    assert {error["code"] for error in errors} == {"bad_message"}
    assert report.malformed == 3
    assert report.reason is EndReason.COMPLETED
    assert report.used_ms == 100


async def test_binary_first_message_is_not_auth(autojump_clock: MockClock) -> None:
    """Audio before the auth message ends the session unheard."""
    world = World()
    world.client.speak(frame(100))

    report = await world.run()

    assert report.reason is EndReason.AUTH_FAILED
    assert world.engine.streams == []


async def test_refusal_names_the_key(autojump_clock: MockClock) -> None:
    """A refused config is told by its key, with the credit left."""
    world = World()
    world.sign_in(callback="https://elsewhere.example")

    await world.run()

    assert "callback" in world.client.last("error")["message"]
    assert world.client.last("session_end")["seconds_remaining"] == 600.0


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


async def test_drain_while_the_engine_opens(autojump_clock: MockClock) -> None:
    """A session still opening ends at once, and its hold is given back."""
    world = World()
    world.engine.open_seconds = 4

    async def play() -> None:
        world.sign_in()
        await trio.sleep(1)
        world.session.ending.give(EndReason.SERVER_DRAINING)

    report = await world.run(play)

    assert report.reason is EndReason.SERVER_DRAINING
    assert trio.current_time() == 1
    world.assert_books()


async def test_top_up_is_seen_without_reconnecting(autojump_clock: MockClock) -> None:
    """Credit bought in the middle of a session lets it go on past what it began with."""
    world = World(credit_ms=2000)

    async def play() -> None:
        world.sign_in()
        await world.talk(1.5)
        world.ledger.grant(world.user_id, 10_000)
        await world.talk(5)
        world.client.say(type="stop")

    report = await world.run(play)

    assert report.reason is EndReason.COMPLETED
    assert report.used_ms == 6500
    world.assert_books()


async def test_two_sessions_share_the_last_credit(autojump_clock: MockClock) -> None:
    """The sum of what both admit is what was bought, to the millisecond."""
    world = World(credit_ms=12_345)
    second = world.another(FakeClient())

    async def talk(client: FakeClient) -> None:
        for _ in range(200):
            await trio.sleep(0.1)
            client.speak(frame(100))

    async with trio.open_nursery() as nursery:
        for session, client in ((world.session, world.client), (second, second.client)):
            assert isinstance(client, FakeClient)
            client.say(type="auth", token="good-token")
            nursery.start_soon(session.run)
            nursery.start_soon(talk, client)

    heard = sum(len(stream.audio) for stream in world.engine.streams)
    assert heard == len(frame(12_345))
    assert {world.session.ending.reason, second.ending.reason} == {EndReason.INSUFFICIENT_CREDITS}
    assert world.ledger.balance_of(world.user_id) == 0
    world.assert_books()


async def test_silent_session_strands_no_credit(autojump_clock: MockClock) -> None:
    """What a silent session holds goes to the one that talks, whole."""
    world = World(credit_ms=20_000)
    second = world.another(FakeClient())
    talker = second.client
    assert isinstance(talker, FakeClient)

    async with trio.open_nursery() as nursery:
        world.sign_in()
        nursery.start_soon(world.session.run)
        await wait_all_tasks_blocked()
        talker.say(type="auth", token="good-token")
        nursery.start_soon(second.run)
        for _ in range(300):
            await trio.sleep(0.1)
            talker.speak(frame(100))
        await trio.sleep(15)
        assert second.report.used_ms == 20_000
        world.client.say(type="stop")

    assert world.session.report.used_ms == 0
    world.assert_books()


async def test_opened_while_its_client_leaves(autojump_clock: MockClock) -> None:
    """A hold whose answer is on its way when the client leaves is waited for, and given back."""
    world = World()
    world.ledger.answer_seconds = 1

    async def play() -> None:
        world.sign_in()
        await trio.sleep(0.5)
        assert world.ledger.open_sessions(world.user_id)
        world.client.hang_up()

    report = await world.run(play)

    assert report.reason is EndReason.CLIENT_GONE
    assert report.settled is True
    assert world.session.settlement.unanswered is None
    assert world.engine.streams == []
    world.assert_books()


async def test_an_open_whose_answer_was_lost(autojump_clock: MockClock) -> None:
    """A session that may have been opened is told as unavailable, and settled at nothing."""
    world = World()
    world.ledger.lost_replies = 1
    world.sign_in()

    report = await world.run()

    assert report.reason is EndReason.SERVICE_UNAVAILABLE
    assert (report.used_ms, report.settled) == (0, True)
    assert world.client.last("session_end")["seconds_remaining"] == 600
    world.assert_books()


async def test_an_open_that_is_not_answered_in_time(autojump_clock: MockClock) -> None:
    """Where settling takes too long as well, it is left to the registry, with what was asked."""
    world = World()
    world.ledger.answer_seconds = 60
    world.ledger.lost_replies = 1
    world.sign_in()

    report = await world.run()

    assert report.reason is EndReason.SERVICE_UNAVAILABLE
    assert trio.current_time() == 10
    assert report.settled is False
    assert world.client.last("session_end")["seconds_remaining"] is None
    settlement = world.session.settlement
    assert settlement.used_ms == 0
    assert settlement.unanswered is not None
    assert settlement.unanswered.session_id == world.session.session_id
    world.ledger.answer_seconds = world.ledger.lost_replies = 0
    await world.ledger.close(settlement)
    world.assert_books()


async def test_a_refused_session_owes_nothing(autojump_clock: MockClock) -> None:
    """There is nothing to settle where the ledger said no."""
    world = World(credit_ms=0)
    world.sign_in()

    report = await world.run()

    assert report.reason is EndReason.INSUFFICIENT_CREDITS
    assert report.settled is None
    assert world.client.last("session_end")["seconds_remaining"] == 0
