"""Ticks of the kernel's timer, as Trio hears them."""

import ctypes
import errno
import os
import select
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from relayd.websocket.ticks import Ticks


async def test_ticks_until_stopped() -> None:
    """It ticks once a period is set, again and again, and no more once none is."""
    ticks = Ticks()
    try:
        with trio.move_on_after(0.02) as unstarted:
            await ticks.wait()
        assert unstarted.cancelled_caught
        ticks.set(0.001)
        with trio.fail_after(5):
            for _ in range(3):
                await ticks.wait()
        ticks.set(0)
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
    ticks = Ticks()
    ticks.close()
    ticks.close()
    assert _open_files() == before


@pytest.fixture
def ticks() -> Iterator[Ticks]:
    """A timer, not set."""
    timer = Ticks()
    yield timer
    timer.close()


@pytest.mark.parametrize("seconds", [-1.0, 1.0])
def test_a_period_is_less_than_a_second(ticks: Ticks, seconds: float) -> None:
    """The setting has whole nanoseconds below a second and nothing else."""
    with pytest.raises(AssertionError):
        ticks.set(seconds)


def _due(ticks: Ticks) -> bool:
    ready = select.poll()
    ready.register(ticks._number, select.POLLIN)
    return bool(ready.poll(0))


def test_the_first_tick_comes_after_one_period(ticks: Ticks) -> None:
    """Not at once; and the kernel has the period to the nanosecond, and no second beside it."""
    began_at = time.monotonic()
    ticks.set(0.9)
    assert not _due(ticks) or time.monotonic() - began_at >= 0.9
    setting = (ctypes.c_long * 4)()
    assert ticks._libc.timerfd_gettime(ticks._number, setting) == 0
    assert list(setting[:3]) == [0, 900_000_000, 0]


def test_no_child_inherits_it(ticks: Ticks) -> None:
    """What another process would hold open isn't closed here; and reading it never blocks."""
    assert not os.get_inheritable(ticks._number)
    assert not os.get_blocking(ticks._number)


def test_the_kernels_refusal_is_told(ticks: Ticks) -> None:
    """With its number and its words, as Python tells it."""
    ticks.close()
    with pytest.raises(OSError, match=os.strerror(errno.EBADF)) as refusal:
        ticks.set(0.9)
    assert refusal.value.errno == errno.EBADF
    assert refusal.value.strerror == os.strerror(errno.EBADF)
