"""Another engine goes on with a stream: it costs less from there on, and the app hears of it."""

from collections.abc import AsyncIterator

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from relayd.speech.tariff import Tariff
from relayd.speech.words import EngineChanged, SpeechStarted
from tests.fakes.engine import FakeEngine
from tests.session.returning import Returning
from tests.session.world import World


@pytest.fixture
async def app(autojump_clock: MockClock) -> AsyncIterator[Returning]:
    """An app whose session is ready, on an engine of double price."""
    async with trio.open_nursery() as nursery:
        returning = Returning(World(engine=FakeEngine(tariff=Tariff(2000))), nursery)
        await returning.connect()
        yield returning


async def test_what_is_heard_from_there_on_costs_less(
    app: Returning, autojump_clock: MockClock
) -> None:
    """What was heard before costs what it did; how often it changed is reported."""
    await app.speak(1000)
    app.world.engine.stream.tell(EngineChanged("other", "small", 1500))
    await wait_all_tasks_blocked()
    await app.speak(1000)
    app.world.engine.stream.tell(EngineChanged("third", "tiny", 500, missing=1.5))
    await wait_all_tasks_blocked()
    await app.speak(1000)
    app.client.say(type="stop")
    await trio.sleep(1)
    (report,) = app.reports
    assert (report.used_ms, report.engine_changes, report.results) == (4000, 2, 1)
    app.world.assert_books()


async def test_who_speaks_now_is_told_and_not_numbered(
    app: Returning, autojump_clock: MockClock
) -> None:
    """It is kept for nobody who comes back: they hear who speaks by then."""
    app.say("one")
    app.world.engine.stream.tell(EngineChanged("other", "small", 1500))
    app.world.engine.stream.tell(SpeechStarted(0.5))
    app.say("two")
    await trio.sleep(1)
    heard = [(one["type"], one.get("number")) for _, one in app.client.heard[1:]]
    assert heard == [
        ("transcript", 1),
        ("error", None),
        ("speech_started", 2),
        ("transcript", 3),
    ]
    app.client.say(type="stop")


async def test_one_that_took_it_from_the_start(autojump_clock: MockClock) -> None:
    """Where the first choice was away, the price is that of who came instead."""
    async with trio.open_nursery() as nursery:
        engine = FakeEngine(tariff=Tariff(2000), tariff_in_truth=Tariff(1000))
        app = Returning(World(engine=engine), nursery)
        await app.connect()
        await app.speak(1000)
        app.client.say(type="stop")
        await trio.sleep(1)
        assert app.reports[0].used_ms == 1000
        app.world.assert_books()
