"""A session before anybody listens: the first message, the ledger, the engine."""

import trio
from trio.testing import MockClock

from relayd.errors import UpstreamRejected
from relayd.session.dialect import Malformed
from relayd.session.endings import EndReason
from tests.session.audio import frame
from tests.session.world import World


async def test_binary_first_message_is_not_auth(autojump_clock: MockClock) -> None:
    """Audio before the auth message ends the session unheard."""
    world = World()
    world.client.speak(frame(100))

    report = await world.run()

    assert report.reason is EndReason.AUTH_FAILED
    message = world.client.last("error")["message"]
    assert message == "The first message must be the auth message."
    assert world.engine.streams == []


async def test_a_first_message_that_is_not_understood(autojump_clock: MockClock) -> None:
    """The app hears what is wrong with it, and what was expected in its place."""
    world = World()
    world.client.send_text('{"type":"dance"}')

    report = await world.run()

    assert report.reason is EndReason.AUTH_FAILED
    problem = world.session.dialect.parse('{"type":"dance"}')
    assert isinstance(problem, Malformed)
    message = world.client.last("error")["message"]
    assert message == f"{problem.problem} The first message must be the auth message."


async def test_refusal_names_the_key(autojump_clock: MockClock) -> None:
    """A refused config is told by its key, with the credit left."""
    world = World()
    world.sign_in(callback="https://elsewhere.example")

    await world.run()

    assert "callback" in world.client.last("error")["message"]
    assert world.client.last("session_end")["seconds_remaining"] == 600.0


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
    assert world.engine.dials == 0
    assert world.client.last("session_end")["seconds_remaining"] == 0


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


async def test_a_failure_deep_in_an_engine(autojump_clock: MockClock) -> None:
    """However many nurseries of its own an engine fails through, the app hears what happened."""
    world = World()
    error = UpstreamRejected("encoding: could not be decoded")
    world.engine.open_error = ExceptionGroup("", [ExceptionGroup("", [error])])
    world.sign_in()

    report = await world.run()

    assert report.reason is EndReason.BAD_CONFIG
    assert report.upstream_error is error
