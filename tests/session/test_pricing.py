"""A session whose model costs more or less than a second for a second."""

import trio
from trio.testing import MockClock

from relayd.session.endings import EndReason
from relayd.speech.tariff import Tariff
from tests.session.audio import frame
from tests.session.world import World


async def test_a_dear_model_uses_more_credit(autojump_clock: MockClock) -> None:
    """A session is charged its audio at the model's rate, says so, and never beyond its credit."""
    world = World(credit_ms=3001)
    world.engine.tariff = Tariff(1500)
    world.sign_in()

    async def play() -> None:
        for _ in range(30):
            world.client.speak(frame(100))
            await trio.sleep(0.1)

    report = await world.run(play)

    assert world.client.last("ready")["rate"] == 1500
    assert world.client.last("session_end")["seconds_used"] == 3.001
    assert report.reason is EndReason.INSUFFICIENT_CREDITS
    # 3,001 ms of credit are 2,000.66 ms of audio: 32,010 whole samples.
    assert (report.used_ms, report.rate, report.audio_bytes) == (3001, 1500, 64_020)
    assert [one.request.tariff for one in world.ledger.books.sessions.values()] == [Tariff(1500)]
    assert world.ledger.balance_of(world.user_id) == 0
    world.ledger.assert_balanced()


async def test_a_cheap_model_is_charged_by_the_whole(autojump_clock: MockClock) -> None:
    """Thirty frames of 0.1 ms of credit each cost three in all: nothing is rounded in between."""
    world = World()
    world.engine.tariff = Tariff(1)
    world.sign_in()

    async def play() -> None:
        for _ in range(30):
            world.client.speak(frame(100))
            await trio.sleep(1)
        world.client.say(type="stop")

    report = await world.run(play)

    assert report.used_ms == 3
    assert report.renewals > 3
    assert world.ledger.balance_of(world.user_id) == 600_000 - 3
    world.ledger.assert_balanced()
