"""How time is shown: integer milliseconds inside, seconds and minutes at the interface."""

from typing import Final

from relayd.routes.shapes import SECONDS, Shape, number

__all__ = ["CREDIT", "remaining", "seconds"]

CREDIT: Final = Shape(
    "Credit",
    "What is left to use.",
    {
        "seconds_remaining": SECONDS,
        "minutes_remaining": number("Rounded down to one decimal.", 1.5, minimum=0),
    },
)


def seconds(milliseconds: int) -> float:
    """To the millisecond, as the stream's messages say it too."""
    return milliseconds / 1000


def remaining(balance_ms: int) -> dict[str, float]:
    """Credit in seconds, and in minutes to one decimal: rounded down, so that none is promised."""
    return {
        "seconds_remaining": seconds(balance_ms),
        "minutes_remaining": balance_ms // 6000 / 10,
    }
