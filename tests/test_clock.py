"""The clock of leases."""

import time

from relayd.clock import lease_clock


def test_goes_on_while_the_machine_sleeps() -> None:
    """On Linux it is the one that counts suspended time; anywhere it never goes back."""
    first = lease_clock()
    reference = time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
    second = lease_clock()

    assert first <= reference <= second
