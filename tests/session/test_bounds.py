"""What one account may have its sessions do, and how often."""

import trio
from trio.testing import MockClock

from relayd.session.endings import EndReason
from tests.session.world import World


async def test_opening_too_often(autojump_clock: MockClock) -> None:
    """Beyond so many a minute an account is refused before ledger and engine hear of it."""
    world = World(opens_per_minute=1)
    assert await world.count_opening(world.user_id) == 0
    await trio.sleep(10)
    world.sign_in()

    report = await world.run()

    assert report.reason is EndReason.TOO_MANY_SESSIONS
    assert report.settled is None
    assert world.engine.streams == []
    error = world.client.heard[0][1]
    assert (error["code"], error["fatal"]) == ("too_many_sessions", True)
    assert error["message"].endswith("Wait 50 s.")
    assert world.client.closed is not None
    assert world.client.closed[1] == 4429
