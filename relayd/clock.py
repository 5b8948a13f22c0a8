"""The clock of leases: it goes on while the machine is asleep."""

import time
from collections.abc import Callable
from typing import TypeAlias

__all__ = ["Clock", "lease_clock"]

# Seconds since some moment, never backwards.
Clock: TypeAlias = Callable[[], float]


def lease_clock() -> float:
    """Seconds that passed, asleep or not, as far as this system counts them.

    Linux's monotonic clock, which Trio's deadlines go by, stands still during suspend;
    CLOCK_BOOTTIME doesn't. (A virtual machine that its host has stopped counts neither.)
    """
    return time.clock_gettime(_BOOT_TIME)


# On macOS the monotonic clock goes on while the machine sleeps.
_BOOT_TIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
