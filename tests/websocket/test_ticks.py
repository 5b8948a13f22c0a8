"""Ticks of the kernel's timer, as Trio hears them."""

from pathlib import Path

import pytest
import trio

from relayd.websocket.ticks import Ticks


async def test_ticks_until_stopped() -> None:
    """It ticks from `start` on, again and again, and no more after `stop`."""
    ticks = Ticks(0.001)
    try:
        with trio.move_on_after(0.02) as unstarted:
            await ticks.wait()
        assert unstarted.cancelled_caught
        ticks.start()
        with trio.fail_after(5):
            for _ in range(3):
                await ticks.wait()
        ticks.stop()
        with trio.move_on_after(0.02) as stopped:
            await ticks.wait()
            await ticks.wait()
        assert stopped.cancelled_caught
    finally:
        ticks.close()


def _open_files() -> set[Path]:
    return set(Path("/proc/self/fd").iterdir())


def test_gives_its_descriptor_back() -> None:
    """Nothing of a timer is left after `close`, which may come twice."""
    before = _open_files()
    ticks = Ticks(0.5)
    ticks.close()
    ticks.close()
    assert _open_files() == before


@pytest.mark.parametrize("seconds", [0, -1.0, 1.0])
def test_a_period_is_less_than_a_second(seconds: float) -> None:
    """The setting has whole nanoseconds below a second and nothing else."""
    with pytest.raises(AssertionError):
        Ticks(seconds)
