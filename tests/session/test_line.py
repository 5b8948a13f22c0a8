"""The line at its turns: who was slow, who comes back twice, who is lost while nobody receives."""

from collections.abc import AsyncIterator

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from relayd.identity import Principal, Scope
from relayd.ledger.holds import Policy
from relayd.session.endings import EndReason
from tests.fakes.ledger import FakeLedger
from tests.session.returning import Returning
from tests.session.world import World


@pytest.fixture
async def app(autojump_clock: MockClock) -> AsyncIterator[Returning]:
    """An app whose session is ready; all that it started is over when the test is."""
    async with trio.open_nursery() as nursery:
        returning = Returning(World(), nursery)
        await returning.connect()
        yield returning


async def test_what_who_comes_back_is_told(app: Returning, autojump_clock: MockClock) -> None:
    """It is the same session, with what it takes to come back once more."""
    ready = app.clients[0].last("ready")
    app.client.hang_up()
    resumed = (await app.come_back()).last("resumed")

    names = ("session_id", "resume_token", "resume_seconds")
    assert [resumed[name] for name in names] == [ready[name] for name in names]
    assert ready["resume_seconds"] == app.world.limits.resume_seconds
    app.client.say(type="stop")


async def test_each_return_is_counted(app: Returning, autojump_clock: MockClock) -> None:
    """The report says how often somebody came back."""
    for _ in range(3):
        app.client.hang_up()
        await app.come_back()
    app.client.say(type="stop")
    await trio.sleep(1)

    assert app.reports[0].returns == 3


async def test_who_was_slow_once_is_not_slow_for_ever(
    app: Returning, autojump_clock: MockClock
) -> None:
    """The reason is that of the connection that was lost last."""
    app.client.reads = False
    app.say("one")
    await trio.sleep(6)
    await app.come_back()
    app.client.hang_up()
    await trio.sleep(16)

    assert app.reports[0].reason is EndReason.CLIENT_GONE


async def test_who_reads_nothing_while_last_words_are_waited_for(
    app: Returning, autojump_clock: MockClock
) -> None:
    """Nobody receives after a stop, and the loss of the connection is noticed all the same."""
    app.world.engine.last_words_seconds = 8
    app.client.reads = False
    app.say("one")
    app.client.say(type="stop")
    await trio.sleep(6)
    assert app.client.peer_code == 1006
    back = await app.come_back()
    await trio.sleep(5)

    assert back.types() == ["resumed", "transcript", "session_end"]
    assert app.reports[0].reason is EndReason.COMPLETED


async def test_who_reads_no_last_words_is_not_waited_for_for_ever(
    app: Returning, autojump_clock: MockClock
) -> None:
    """From the moment it is cut, like anybody whose connection is lost."""
    app.world.engine.last_words_seconds = 8
    app.client.reads = False
    app.say("one")
    app.client.say(type="stop")
    await trio.sleep(5 + app.world.limits.resume_seconds + 0.1)

    assert len(app.reports) == 1


async def test_an_ending_under_way_goes_to_who_comes_back(
    app: Returning, autojump_clock: MockClock
) -> None:
    """Where the old connection takes nothing, the new one is told all of it, and closed."""
    app.client.reads = False
    app.client.say(type="stop")
    await trio.sleep(2)
    back = await app.come_back()
    await trio.sleep(0.1)

    assert back.types() == ["resumed", "transcript", "session_end"]
    assert back.closed is not None
    assert app.reports[0].reason is EndReason.COMPLETED


async def test_who_comes_back_to_an_ending_is_given_its_time(
    app: Returning, autojump_clock: MockClock
) -> None:
    """The old connection's end is not the new one's: that is left when it is told, or cut."""
    app.client.reads = False
    app.client.say(type="stop")
    await trio.sleep(2)
    await app.come_back(reads=False)
    await trio.sleep(1)
    assert app.served == 0
    await trio.sleep(5 + app.world.limits.resume_seconds)

    assert app.served == 2


async def test_who_is_lost_in_a_drain_is_not_waited_for(
    app: Returning, autojump_clock: MockClock
) -> None:
    """An ending that is said into a dead connection is not said again where nobody may return."""
    app.client.deaf_to_close = True
    with trio.fail_after(1):
        await app.sessions.drain()

    assert app.reports[0].reason is EndReason.SERVER_DRAINING


@pytest.mark.parametrize("noticed", [True, False])
async def test_who_is_lost_again_after_a_stop_is_not_waited_for_longer(
    app: Returning, autojump_clock: MockClock, noticed: bool
) -> None:
    """Its time runs from the loss, or from the next word that does not get through."""
    app.world.engine.last_words_seconds = 4
    app.client.say(type="stop")
    await wait_all_tasks_blocked()
    app.client.hang_up()
    await app.come_back()
    app.client.hang_up(noticed=noticed)
    await trio.sleep(1)
    app.say("one")
    await trio.sleep(app.world.limits.resume_seconds - 0.9 + (not noticed))

    assert len(app.reports) == 1


async def test_what_the_app_has_is_not_kept(app: Returning, autojump_clock: MockClock) -> None:
    """Who acknowledged a result and asks for it again lost it: it begins anew."""
    for n in range(9):
        app.say(str(n))
    await wait_all_tasks_blocked()
    app.client.say(type="received", number=9)
    await wait_all_tasks_blocked()
    app.client.hang_up()
    back = await app.come_back(received=5)

    assert back.types() == ["ready"]
    # A session like any other, for the operator too.
    await app.sessions.drain()
    assert back.last("session_end")["reason"] == "server_draining"


async def test_whoever_begins_anew_has_the_place_of_the_old_session(
    autojump_clock: MockClock,
) -> None:
    """Where a user may have one stream, the old one is settled before the new one opens."""
    async with trio.open_nursery() as nursery:
        app = Returning(World(ledger=FakeLedger(policy=Policy(30_000, 1))), nursery)
        await app.connect()
        app.client.hang_up()
        back = await app.come_back(received=5)
        assert back.types() == ["ready"]
        back.say(type="stop")


async def test_who_said_nothing_of_coming_back_can_not(autojump_clock: MockClock) -> None:
    """Nothing was kept for it: it begins anew."""
    async with trio.open_nursery() as nursery:
        app = Returning(World(), nursery)
        await app.connect(resume=None)
        app.client.say(type="received", number=1)
        app.say("one")
        await wait_all_tasks_blocked()
        assert app.client.types() == ["ready", "transcript"]
        token = f"here.{app.client.last('ready')['session_id']}"
        back = await app.connect({"token": token, "received": 0})
        assert back.types() == ["ready"]
        back.say(type="stop")

    assert [one.reason for one in app.reports] == [EndReason.CLIENT_GONE, EndReason.COMPLETED]


async def test_who_comes_back_while_the_session_is_settled(
    app: Returning, autojump_clock: MockClock
) -> None:
    """It is over, and nobody waits for it: a new one begins."""
    app.world.ledger.latency_seconds = 1
    app.client.hang_up()
    await trio.sleep(app.world.limits.resume_seconds + 0.5)
    back = await app.come_back()
    await trio.sleep(3)

    assert back.types() == ["ready"]
    back.say(type="stop")


async def test_a_key_that_is_for_other_things(autojump_clock: MockClock) -> None:
    """Whoever may not open streams is told so before ledger and engine hear of it."""
    async with trio.open_nursery() as nursery:
        app = Returning(World(), nursery)
        app.stranger = Principal(app.world.user_id, scopes=frozenset({Scope.BATCH, Scope.READ}))
        await app.connect()

    assert app.client.heard[0][1]["code"] == "auth_failed"
    assert app.reports[0].reason is EndReason.AUTH_FAILED
    assert app.world.engine.dials == 0
