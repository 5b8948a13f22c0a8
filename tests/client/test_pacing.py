"""Recorded audio at the pace it was spoken."""

import pytest
import trio
import trio.testing

from relayd.client import Pace


async def test_no_drift(autojump_clock: trio.testing.MockClock) -> None:
    """Chunk n goes at start plus n durations, however long each send took."""
    await trio.sleep(3)
    pace = Pace(bytes_per_second=32_000)
    moments = []
    for _ in range(50):
        await pace.wait(3200)
        moments.append(trio.current_time())
        await trio.sleep(0.07)
    assert moments == pytest.approx([3 + n * 0.1 for n in range(50)])
    assert pace.position_seconds == 5


async def test_late_chunks_catch_up(autojump_clock: trio.testing.MockClock) -> None:
    """After a delay the following chunks go at once until the clock is met again."""
    pace = Pace(bytes_per_second=10)
    await pace.wait(10)
    await trio.sleep(3.5)
    moments = []
    for _ in range(5):
        await pace.wait(10)
        moments.append(trio.current_time())
    assert moments == [3.5, 3.5, 3.5, 4, 5]


async def test_speed(autojump_clock: trio.testing.MockClock) -> None:
    """Twice the speed takes half the time."""
    pace = Pace(bytes_per_second=10, speed=2)
    for _ in range(11):
        await pace.wait(10)
    assert trio.current_time() == 5
