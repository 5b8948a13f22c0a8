"""Credit as the interface shows it: in seconds and in minutes."""

from typing import Final

from relayd.durations import seconds
from relayd.routes.shapes import SECONDS, Shape, number

__all__ = ["CREDIT", "remaining"]

CREDIT: Final = Shape(
    "Credit",
    "What is left to use.",
    {
        "seconds_remaining": SECONDS,
        "minutes_remaining": number("Rounded down to one decimal.", 1.5, minimum=0),
    },
)


def remaining(balance_ms: int) -> dict[str, int | float]:
    """Credit in seconds, and in minutes to one decimal: rounded down, so that none is promised."""
    tenths = balance_ms // 6000
    return {
        "seconds_remaining": seconds(balance_ms),
        "minutes_remaining": tenths / 10 if tenths % 10 else tenths // 10,
    }
