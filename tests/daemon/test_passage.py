"""An app that comes back to another process gets to its session all the same."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

import attrs
import pytest
import trio

from relayd.daemon.passage import Passage
from relayd.edge.websocket import SocketTerms
from relayd.session.endings import EndReason
from relayd.session.registry import Sessions
from relayd.websocket.pump import open_pump
from tests import defaults
from tests.session.audio import frame
from tests.session.returning import Returning
from tests.session.world import World


async def until(condition: Callable[[], object]) -> None:
    """Wait for what comes over a socket."""
    with trio.fail_after(10):
        await trio.lowlevel.checkpoint()
        while not condition():  # noqa: ASYNC110 - what the kernel carries tells nobody
            await trio.sleep(0.002)


@attrs.define(eq=False)
class Two:
    """An app whose session is in one process, and another process that accepts it next."""

    app: Returning
    first: Sessions
    second: Sessions


@asynccontextmanager
async def two(world: World | None = None) -> AsyncIterator[Two]:
    """Both run while entered; the app is connected to the first, and what it opens goes next."""
    async with open_pump() as pump, trio.open_nursery() as nursery:
        app = Returning(world or World(), nursery)
        places = [str(uuid4()), str(uuid4())]
        first, second = (app.registry(place) for place in places)
        terms = SocketTerms.of(defaults.edge(), pump)
        for place, sessions in zip(places, (first, second), strict=True):
            passage = Passage(place, sessions, terms)
            sessions.elsewhere = passage.take
            await nursery.start(passage.run)
        app.sessions = first
        await app.connect()
        app.sessions = second
        yield Two(app, first, second)
        nursery.cancel_scope.cancel()


async def test_goes_on_in_the_process_that_holds_it() -> None:
    """Audio goes up and words come down by way of the process that accepted; so does the end."""
    async with two() as both:
        app = both.app
        await app.speak(500)
        app.say("one")
        await until(lambda: app.heard() == ["one"])
        app.client.hang_up()
        app.say("two")

        back = await app.come_back(received=1)
        await until(lambda: app.heard() == ["one", "two"])
        assert back.heard[0][1]["type"] == "resumed"
        assert back.heard[0][1]["taken"] == len(frame(500))
        back.speak(frame(100))
        await until(lambda: len(app.world.engine.stream.audio) == len(frame(600)))
        assert (len(both.first), len(both.second)) == (1, 0)
        back.say(type="stop")
        await until(lambda: app.reports)
        assert app.heard() == ["one", "two", "goodbye"]
        assert back.closed is not None
        assert back.closed[1:] == (1000, "completed")
        (report,) = app.reports
        assert (report.reason, report.used_ms) == (EndReason.COMPLETED, 600)
        app.world.assert_books()


async def test_may_be_lost_there_again() -> None:
    """A connection that breaks behind the passage is a lost one, and may be followed by another."""
    async with two() as both:
        app = both.app
        app.client.hang_up()
        for n in range(1, 4):
            back = await app.come_back()
            await until(lambda: back.heard)  # noqa: B023 - it is waited for here
            await app.speak(100)
            await until(lambda: len(app.world.engine.stream.audio) == n * 3200)  # noqa: B023
            back.hang_up()
        back = await app.come_back()
        await until(lambda: back.heard)
        assert back.last("resumed")["taken"] == 3 * 3200
        back.say(type="stop")
        await until(lambda: app.reports)
        assert app.reports[0].returns == 4
        app.world.assert_books()


@pytest.mark.parametrize("code", [1000, 1005, 3000])
async def test_a_close_is_a_close_there_too(code: int) -> None:
    """Who closes behind the passage is not waited for."""
    async with two() as both:
        app = both.app
        app.client.hang_up()
        back = await app.come_back()
        await until(lambda: back.heard)
        back.hang_up(code)
        await until(lambda: app.reports)
        expected = EndReason.CLIENT_GONE if code == 3000 else EndReason.COMPLETED
        assert app.reports[0].reason is expected


async def test_one_that_missed_too_much_begins_anew_where_it_came() -> None:
    """The session that it can't go on with is ended, and gives back its place."""
    world = World(limits=defaults.limits(outbox_messages=8))
    async with two(world) as both:
        app = both.app
        for n in range(9):
            app.say(str(n))
        await until(lambda: len(app.heard()) == 9)
        back = await app.come_back(received=1)
        await until(lambda: back.heard)
        assert back.types() == ["ready"]
        await until(lambda: app.reports)
        assert app.reports[0].reason is EndReason.CLIENT_GONE
        assert (len(both.first), len(both.second)) == (0, 1)


async def test_where_that_process_is_gone_a_session_begins() -> None:
    """Nobody waits for a dead process, or believes a token that names none."""
    async with two() as both:
        app = both.app
        for token in (f"{uuid4()}.{uuid4()}", "", "nonsense", f"{'x' * 5000}.{uuid4()}"):
            back = await app.connect({"token": token})
            await until(lambda: back.heard)  # noqa: B023 - it is waited for here
            assert back.types() == ["ready"]
            back.say(type="stop")
            await until(lambda: back.closed)  # noqa: B023
        assert len(both.first) == 1
