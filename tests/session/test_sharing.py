"""Credit while sessions run: it rises, it gets low, several live on it."""

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from relayd.session.endings import EndReason
from tests.fakes.client import FakeClient
from tests.session.audio import frame
from tests.session.world import World


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


async def test_low_credit_is_told(autojump_clock: MockClock) -> None:
    """The app hears of each configured level, with what is left then, while the talk goes on."""
    world = World(credit_ms=61_000)

    async def play() -> None:
        world.sign_in()
        await world.talk(2)
        world.client.say(type="stop")

    await world.run(play)

    said = [one for _, one in world.client.heard if one["type"] == "credits_low"]
    assert [one["seconds_remaining"] for one in said] == [61, 60]


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
