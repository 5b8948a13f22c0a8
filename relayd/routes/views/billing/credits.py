"""CreditLeft as the interface shows it: in seconds and in minutes."""

from typing import Annotated, Self

from msgspec import Meta

from relayd.durations import seconds
from relayd.routes.toolkit.forms import Form, Seconds, told

__all__ = ["CreditLeft", "minutes"]


class CreditLeft(Form):
    """What is left to use."""

    seconds_remaining: Seconds
    minutes_remaining: Annotated[float, Meta(ge=0), told("Rounded down to one decimal.", 1.5)]

    @classmethod
    def of(cls, balance_ms: int) -> Self:
        """So many milliseconds."""
        return cls(seconds_remaining=seconds(balance_ms), minutes_remaining=minutes(balance_ms))


def minutes(balance_ms: int) -> int | float:
    """To one decimal, rounded down so that none is promised; whole ones without a fraction."""
    tenths = balance_ms // 6000
    return tenths / 10 if tenths % 10 else tenths // 10
