"""A connection breaks and another one goes on: every word once, every byte paid once."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from relayd.errors import UpstreamClosed
from relayd.session.endings import EndReason
from tests import defaults
from tests.fakes.client import FakeClient
from tests.session.audio import frame
from tests.session.returning import Returning
from tests.session.world import World


@pytest.fixture
async def app(autojump_clock: MockClock) -> AsyncIterator[Returning]:
    """An app whose session is ready; all that it started is over when the test is."""
    async with trio.open_nursery() as nursery:
        returning = Returning(World(), nursery)
        await returning.connect()
        yield returning


def over(app: Returning, reason: EndReason, used_ms: int) -> None:
    """One session was, it ended for this reason at this charge, and its books are settled."""
    (report,) = app.reports
    assert (report.reason, report.used_ms, report.settled) == (reason, used_ms, True)
    assert app.served == len(app.clients)
    app.world.assert_books()


async def test_goes_on_over_another_connection(app: Returning, autojump_clock: MockClock) -> None:
    """Whoever comes back hears how far its audio got, what it missed, and what follows."""
    await app.speak(500)
    app.say("one")
    await wait_all_tasks_blocked()
    app.client.hang_up()
    await trio.sleep(3)
    app.say("two")
    await trio.sleep(3)

    back = await app.come_back(received=1)
    await app.speak(500)
    app.say("three")
    await wait_all_tasks_blocked()
    back.say(type="stop")
    await trio.sleep(1)

    resumed = back.heard[0][1]
    assert resumed["type"] == "resumed"
    assert resumed["taken"] == len(frame(500))
    assert resumed["seconds_remaining"] == 599.5
    ready = app.clients[0].last("ready")
    for fact in ("session_id", "resume_token", "resume_seconds"):
        assert resumed[fact] == ready[fact]
    assert app.heard() == ["one", "two", "three", "goodbye"]
    assert back.last("session_end")["taken"] == len(frame(1000))
    assert len(app.world.engine.stream.audio) == len(frame(1000))
    assert app.reports[0].returns == 1
    over(app, EndReason.COMPLETED, 1000)


async def test_results_are_numbered_but_for_those_that_will_be_replaced(
    app: Returning, autojump_clock: MockClock
) -> None:
    """Every result tells how much audio was taken; what is kept until it arrived has a number."""
    await app.speak(100)
    app.say("on", is_final=False)
    app.say("one")
    app.say("two")
    await wait_all_tasks_blocked()
    marks = [(one.get("number"), one["taken"]) for _, one in app.client.heard[1:]]
    assert marks == [(None, 3200), (1, 3200), (2, 3200)]
    app.client.say(type="stop")


async def test_old_apps_notice_nothing(autojump_clock: MockClock) -> None:
    """Who does not say that it can come back is told nothing of it, and not waited for."""
    async with trio.open_nursery() as nursery:
        app = Returning(World(), nursery)
        await app.connect(resume=None)
        app.say("one")
        await wait_all_tasks_blocked()
        ready, transcript = (message for _, message in app.client.heard)
        assert not {"resume_token", "resume_seconds"} & ready.keys()
        assert not {"number", "taken"} & transcript.keys()
        app.client.hang_up()
        await wait_all_tasks_blocked()
        assert trio.current_time() == 0
        over(app, EndReason.CLIENT_GONE, 0)
        await app.connect(resume=None)
        app.client.say(type="stop")
        await trio.sleep(1)
        assert "taken" not in app.client.last("session_end")


async def test_is_switched_off_by_nought_seconds(autojump_clock: MockClock) -> None:
    """Where the operator waits for nobody, no app is promised that."""
    async with trio.open_nursery() as nursery:
        app = Returning(World(limits=defaults.limits(resume_seconds=0)), nursery)
        await app.connect()
        assert "resume_token" not in app.client.last("ready")
        app.client.hang_up()
    assert trio.current_time() == 0


async def test_ends_when_nobody_comes_back_in_time(
    app: Returning, autojump_clock: MockClock
) -> None:
    """After the configured time the session is over and settled."""
    await app.speak(300)
    app.client.hang_up()
    await trio.sleep(14.9)
    assert app.reports == []
    await trio.sleep(0.2)
    over(app, EndReason.CLIENT_GONE, 300)
    assert app.world.engine.stream.left_at == pytest.approx(15.0)


@pytest.mark.parametrize("code", [1000, 1001, 1005, 1002, 3000])
async def test_who_closes_is_not_waited_for(
    app: Returning, autojump_clock: MockClock, code: int
) -> None:
    """A close frame is meant, whatever its code."""
    app.client.hang_up(code)
    await wait_all_tasks_blocked()
    orderly = code in {1000, 1001, 1005}
    over(app, EndReason.COMPLETED if orderly else EndReason.CLIENT_GONE, 0)


async def test_a_connection_that_seems_alive_is_replaced(
    app: Returning, autojump_clock: MockClock
) -> None:
    """Whoever comes back before we noticed takes over, and the old connection is cut."""
    await app.speak(200)
    before = app.client
    back = await app.come_back()
    assert before.peer_code == 1006
    assert back.last("resumed")["taken"] == len(frame(200))
    await app.speak(100)
    back.say(type="stop")
    await trio.sleep(1)
    over(app, EndReason.COMPLETED, 300)


async def test_what_lay_unread_on_the_old_connection_is_taken_first(
    app: Returning, autojump_clock: MockClock
) -> None:
    """What was read already is not asked for again."""
    app.client.speak(frame(200))
    app.client.speak(frame(200)[:6])
    back = await app.come_back()
    await trio.sleep(1)
    assert back.last("resumed")["taken"] == len(frame(200)) + 6
    back.speak(frame(200)[6:])
    await wait_all_tasks_blocked()
    back.say(type="stop")
    await trio.sleep(1)
    over(app, EndReason.COMPLETED, 400)


async def test_one_that_missed_too_much_begins_anew(
    app: Returning, autojump_clock: MockClock
) -> None:
    """Where part of what was missed is not kept any more, no half of it is said."""
    for n in range(40):
        app.say(str(n))
    await wait_all_tasks_blocked()
    app.client.hang_up()
    back = await app.come_back(received=3)
    assert back.types() == ["ready"]
    assert back.last("ready")["session_id"] != app.clients[0].last("ready")["session_id"]
    assert app.reports[0].reason is EndReason.CLIENT_GONE
    back.say(type="stop")
    await trio.sleep(1)
    assert len(app.reports) == 2
    app.world.assert_books()


async def test_acknowledged_results_are_not_kept(app: Returning, autojump_clock: MockClock) -> None:
    """An app that says what it has can miss as much as a fresh one."""
    for n in range(30):
        app.say(str(n))
    await wait_all_tasks_blocked()
    app.client.say(type="received", number=30)
    await wait_all_tasks_blocked()
    app.client.hang_up()
    for n in range(30, 60):
        app.say(str(n))
    await wait_all_tasks_blocked()
    back = await app.come_back(received=30)
    await wait_all_tasks_blocked()
    assert app.heard() == [str(n) for n in range(60)]
    back.say(type="stop")


async def _revoke(app: Returning) -> None:
    app.world.ledger.disable(app.world.user_id)


async def _freeze(app: Returning) -> None:
    app.world.ledger.freeze(app.world.user_id)


async def _fail(app: Returning) -> None:
    app.world.engine.stream.fail(UpstreamClosed("went away"))


ABSENT = [
    (_revoke, EndReason.AUTH_REVOKED),
    (_freeze, EndReason.CREDIT_FROZEN),
    (_fail, EndReason.UPSTREAM_CLOSED),
]


@pytest.mark.parametrize(("happens", "reason"), ABSENT)
async def test_what_ends_it_meanwhile_is_told_to_who_comes_back(
    app: Returning, autojump_clock: MockClock, happens: Any, reason: EndReason
) -> None:
    """A session whose app is absent ends like any other, at once, and says so late."""
    await app.speak(500)
    app.say("one")
    await wait_all_tasks_blocked()
    app.client.hang_up()
    await happens(app)
    await trio.sleep(6)
    assert app.world.ledger.open_sessions(app.world.user_id) == []

    back = await app.come_back(received=1)
    await trio.sleep(1)
    last_words = ["goodbye"] if reason.orderly else []
    assert app.heard() == ["one", *last_words]
    assert back.last("session_end")["reason"] == reason.label
    assert back.closed is not None
    over(app, reason, 500)


async def test_a_stop_whose_answer_was_lost_is_answered_again(
    app: Returning, autojump_clock: MockClock
) -> None:
    """Last words and the ending come to who comes back, though the session is settled."""
    await app.speak(500)
    app.world.engine.last_words_seconds = 1
    app.client.say(type="stop")
    await wait_all_tasks_blocked()
    app.client.hang_up()
    await trio.sleep(5)
    assert app.world.ledger.open_sessions(app.world.user_id) == []
    back = await app.come_back()
    await trio.sleep(1)
    assert back.types() == ["resumed", "transcript", "session_end"]
    assert back.last("resumed")["taken"] == len(frame(500))
    over(app, EndReason.COMPLETED, 500)


async def test_an_ending_that_was_said_into_a_dead_connection_is_said_again(
    app: Returning,
    autojump_clock: MockClock,
) -> None:
    """Only a closing handshake shows that the app has it all."""
    app.client.at_once = True
    app.client.deaf_to_close = True
    app.client.say(type="stop")
    await wait_all_tasks_blocked()
    assert app.client.types()[-1] == "session_end"
    assert app.reports == []
    back = await app.come_back()
    await trio.sleep(1)
    assert back.types() == ["resumed", "transcript", "session_end"]
    back.hang_up()
    await trio.sleep(20)
    over(app, EndReason.COMPLETED, 0)


async def test_a_drain_waits_for_nobody(app: Returning, autojump_clock: MockClock) -> None:
    """A daemon that stops ends sessions whose app is absent, settled and in order."""
    await app.speak(500)
    app.client.hang_up()
    await trio.sleep(1)
    with trio.fail_after(1):
        await app.sessions.drain()
    over(app, EndReason.SERVER_DRAINING, 500)


async def test_a_drain_says_how_much_was_taken(app: Returning, autojump_clock: MockClock) -> None:
    """Whoever goes on with another session sends nothing again that has its words."""
    await app.speak(500)
    await app.sessions.drain()
    assert app.client.last("session_end")["taken"] == len(frame(500))


async def test_credit_that_ran_out_meanwhile_ends_it_at_the_next_audio(
    autojump_clock: MockClock,
) -> None:
    """Absence costs nothing, and never lets a session spend what it has not."""
    async with trio.open_nursery() as nursery:
        app = Returning(World(credit_ms=1000), nursery)
        await app.connect()
        await app.speak(700)
        app.client.hang_up()
        await trio.sleep(5)
        back = await app.come_back()
        await app.speak(500)
        await trio.sleep(5)
        assert back.last("session_end")["reason"] == "insufficient_credits"
    over(app, EndReason.INSUFFICIENT_CREDITS, 1000)


async def test_one_that_reads_nothing_is_cut_and_may_come_back(
    app: Returning, autojump_clock: MockClock
) -> None:
    """A full connection is taken for a dead one; what it did not take is said again."""
    app.client.reads = False
    app.say("one")
    await trio.sleep(6)
    assert app.client.peer_code == 1006
    back = await app.come_back()
    assert app.heard() == ["one"]
    back.say(type="stop")


async def test_one_that_reads_nothing_and_stays_away_was_slow(
    app: Returning, autojump_clock: MockClock
) -> None:
    """The reason is the one that it would have been at once."""
    app.client.reads = False
    app.say("one")
    await trio.sleep(21)
    over(app, EndReason.SLOW_CLIENT, 0)


@pytest.mark.parametrize("at_once", [False, True])
async def test_many_cuts_lose_and_double_nothing(
    app: Returning, autojump_clock: MockClock, at_once: bool
) -> None:
    """After forty cuts every byte went up once and every word came down once."""
    app.world.take_at_once(at_once)
    received = 0
    for n in range(40):
        app.client.at_once = at_once
        app.client.speak(bytes([n]) * 3200)
        app.say(str(n))
        await trio.sleep(0.3)
        received += len([one for _, one in app.client.heard if one["type"] == "transcript"])
        app.client.hang_up(noticed=bool(n % 2))
        await trio.sleep(0.2)
        back = await app.come_back(received)
        assert back.heard[0][1]["taken"] == (n + 1) * 3200
    app.client.say(type="stop")
    await trio.sleep(1)
    assert bytes(app.world.engine.stream.audio) == b"".join(bytes([n]) * 3200 for n in range(40))
    assert app.heard() == [*map(str, range(40)), "goodbye"]
    over(app, EndReason.COMPLETED, 4000)


def test_a_fake_client_can_be_cut() -> None:
    """Cutting twice is one loss."""
    client = FakeClient()
    client.cut()
    client.cut()
    assert client.peer_code == 1006
