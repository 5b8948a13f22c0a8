"""Ticks: a timer of the kernel's, which Trio waits for as it does for a socket.

`trio.sleep` ends by an exception that runs through whoever sleeps. Hundreds of times a second, each
time with the processor's caches cold, that costs more than what there is to do after it.
"""

import ctypes
import os
from typing import Final

import trio

__all__ = ["Ticks"]

_MONOTONIC: Final = 1
# TFD_NONBLOCK and TFD_CLOEXEC have the values that open(2) uses.
_FLAGS: Final = os.O_NONBLOCK | os.O_CLOEXEC


class _Setting(ctypes.Structure):
    """``struct itimerspec``: until the first tick, and between two (seconds, nanoseconds)."""

    _fields_ = (
        ("period_seconds", ctypes.c_long),
        ("period_nanoseconds", ctypes.c_long),
        ("first_seconds", ctypes.c_long),
        ("first_nanoseconds", ctypes.c_long),
    )


class Ticks:
    """Ticks at a period that is `set`.

    Those that nobody waited for are dropped. See timerfd_create(2); Python has it from 3.13 on.
    """

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._number = self._libc.timerfd_create(_MONOTONIC, _FLAGS)
        if self._number < 0:
            raise _error()

    def set(self, seconds: float) -> None:
        """Tick after so many seconds (less than one), and again after each of them; 0: no more."""
        assert 0 <= seconds < 1
        nanoseconds = round(seconds * 1e9)
        setting = _Setting(0, nanoseconds, 0, nanoseconds)
        if self._libc.timerfd_settime(self._number, 0, ctypes.byref(setting), None):
            raise _error()

    async def wait(self) -> None:
        """Wait for the next tick, or return at once where one is due."""
        await trio.lowlevel.wait_readable(self._number)
        # Eight bytes count those since the last reading.
        os.read(self._number, 8)

    def close(self) -> None:
        """Give the timer back."""
        if self._number >= 0:
            os.close(self._number)
        self._number = -1


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
