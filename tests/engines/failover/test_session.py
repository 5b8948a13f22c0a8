"""A session whose engines die under it: its app loses no word, and pays for its audio once."""

import random
from collections import deque

import attrs
import pytest
import trio
from trio.testing import MockClock

from relayd.errors import UpstreamClosed, UpstreamRejected, UpstreamUnavailable
from relayd.session.endings import EndReason
from relayd.session.hearers import Hearer, Share
from relayd.session.report import Report
from relayd.speech.tariff import Tariff
from tests.engines.failover.recitals import failover
from tests.fakes.reciter import SENTENCE, WORD_BYTES, Death, Reciter, read_out
from tests.session.test_cancellation_sweep import CancelAtStep
from tests.session.world import World

CLOSED = UpstreamClosed("The engine broke.")


async def speak(world: World, engines: list[Reciter], words: int) -> Report:
    """Have the user say so many words at live pace, one a message, and stop."""
    world.session.ports = attrs.evolve(world.session.ports, engine=failover(*engines))

    async def play() -> None:
        for number in range(words):
            world.client.speak(read_out([number]))
            await trio.sleep(0.1)
        world.stop()

    world.sign_in()
    return await world.run(play)


def final_words(world: World) -> list[str]:
    """What the app has for good."""
    said = [one for _, one in world.client.heard if one["type"] == "transcript" and one["is_final"]]
    return [word["word"] for one in said for word in one.get("words", ())]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("at_once", [False, True], ids=["waiting", "at once"])
async def test_twenty_deaths(seed: int, at_once: bool, autojump_clock: MockClock) -> None:
    """An engine dies twenty times at random places: every word once, and the books are exact."""
    chance, words = random.Random(seed), 600  # noqa: S311 - repeatable, not secret
    deaths = deque(
        Death(
            chance.choice([CLOSED, UpstreamUnavailable("It stalled.")]),
            chance.randrange(2 * SENTENCE * WORD_BYTES, 4 * SENTENCE * WORD_BYTES),
            chance.random() < 0.5,
        )
        for _ in range(20)
    )
    world, engines = World(), [Reciter(name, deaths, at_once=at_once) for name in ("a", "b")]
    world.client.at_once = at_once

    report = await speak(world, engines, words)

    assert final_words(world) == [f"w{n}" for n in range(words)]
    assert (report.reason, report.used_ms) == (EndReason.COMPLETED, words * 100)
    assert report.engine_changes == 20
    shares = world.session.settlement.shares
    assert sum(one.streams for one in shares) == 21
    assert sum(one.charged_ms for one in shares) == report.used_ms
    assert world.ledger.balance_of(world.user_id) == world.credit_ms - words * 100
    world.assert_books()


async def test_the_app_is_told(autojump_clock: MockClock) -> None:
    """By an error that ends nothing, with who goes on and at what price."""
    world = World()
    first = Reciter("first", deque([Death(UpstreamUnavailable("It stalled."), 7 * WORD_BYTES)]))

    report = await speak(world, [first, Reciter("second", tariff=Tariff(500))], 20)

    assert world.client.last("ready")["engine"] == "first"
    assert world.client.last("error") == {
        "type": "error",
        "code": "engine_changed",
        "message": "The speech engine failed, and the stream goes on with a new one.",
        "fatal": False,
        "engine": "second",
        "model": "second-1",
        "rate": 500,
    }
    # The first seven words at 1000, what came after the change at half of that.
    assert report.used_ms == 7 * 100 + 13 * 50
    assert (report.engine, report.rate) == ("first", 1000)
    assert world.session.settlement.shares == (
        Share(Hearer("first", "first-1", 1000), 700, 1, last=False),
        Share(Hearer("second", "second-1", 500), 650, 1, last=True),
    )
    world.assert_books()


async def test_who_opened_it_is_who_is_ready(autojump_clock: MockClock) -> None:
    """Where the first engine takes no streams, all is said of and charged as of the next."""
    world = World()
    first = Reciter("first", deque([Death(UpstreamUnavailable("Not there."))]))

    report = await speak(world, [first, Reciter("second", tariff=Tariff(500))], 20)

    ready = world.client.last("ready")
    assert (ready["engine"], ready["model"], ready["rate"]) == ("second", "second-1", 500)
    assert "error" not in world.client.types()
    assert (report.engine, report.rate, report.used_ms) == ("second", 500, 1000)
    opener = Hearer("second", "second-1", 500)
    assert world.session.settlement.shares == (Share(opener, 1000, 1, last=True),)
    world.assert_books()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (CLOSED, EndReason.UPSTREAM_CLOSED),
        (UpstreamUnavailable("It stalled."), EndReason.UPSTREAM_UNAVAILABLE),
        (UpstreamRejected("No audio."), EndReason.BAD_CONFIG),
    ],
)
async def test_an_ending_where_nobody_goes_on(
    error: UpstreamClosed, reason: EndReason, autojump_clock: MockClock
) -> None:
    """The session ends as with one engine, with what that one said."""
    world = World()
    engines = [Reciter(name, deque([Death(error, WORD_BYTES)] * 9)) for name in ("a", "b")]

    report = await speak(world, engines, 20)

    assert report.reason is reason
    fatal = world.client.last("error")
    assert (fatal["code"], fatal["message"], fatal["fatal"]) == (
        {"bad_config": "bad_config"}.get(reason.label, reason.label),
        error.message,
        True,
    )
    world.assert_books()


def test_cancelled_at_every_step() -> None:
    """Wherever its client is torn away, also between two engines: books settled, streams closed."""

    def run(step: int) -> int:
        instrument = CancelAtStep(step, trio.CancelScope())
        world = World()
        deaths = deque(
            [Death(CLOSED, 3 * WORD_BYTES), Death(CLOSED), Death(CLOSED, 2 * WORD_BYTES)]
        )
        engines = [Reciter(name, deaths) for name in ("a", "b")]

        async def main() -> None:
            with instrument.scope:
                instrument.counting = True
                await speak(world, engines, 8)
            instrument.counting = False

        trio.run(main, clock=MockClock(autojump_threshold=0), instruments=[instrument])
        assert world.ledger.open_sessions(world.user_id) == []
        world.assert_books()
        streams = [stream for one in engines for stream in one.streams]
        assert all(stream.left for stream in streams)
        charged_ms = world.credit_ms - world.ledger.balance_of(world.user_id)
        # What the first one heard was all admitted, and what two of them heard once.
        heard = [len(stream.audio) // WORD_BYTES for stream in streams]
        assert 100 * max(heard, default=0) <= charged_ms <= 800
        return instrument.count

    steps = run(-1)
    assert 100 < steps < 5000
    for step in range(1, steps + 1):
        run(step)
