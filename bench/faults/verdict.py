"""Figures, their limits, and whether they are met."""

import sys
from typing import Final, TypeVar

import attrs

from bench.daemon import Daemon

__all__ = ["Verdict", "heading"]

T = TypeVar("T")

_LINE: Final = "{:4} {:12} {:62} {:>16}  {}\n"


def heading() -> str:
    """What the columns are."""
    return _LINE.format("", "driver", "figure", "seen", "asked")


@attrs.define(eq=False)
class Verdict:
    """What one driver found; ``quick``: at small size, to see that it works."""

    name: str
    quick: bool = False
    figures: int = 0
    unmet: int = 0

    def sized(self, full: T, quick: T) -> T:
        """How many, or how long."""
        return quick if self.quick else full

    def at_most(self, what: str, value: float, limit: float, unit: str = "") -> None:
        """A figure that must not exceed its limit."""
        self._print(what, f"{value:g} {unit}".strip(), f"<= {limit:g} {unit}", met=value <= limit)

    def equal(self, what: str, value: object, wanted: object) -> None:
        """A figure that must be exactly this."""
        self._print(what, str(value), f"= {wanted}", met=value == wanted)

    def note(self, what: str, value: object) -> None:
        """A figure without a limit."""
        self._print(what, str(value), "", met=True)

    def failed(self, fault: BaseException) -> None:
        """The driver itself came to nothing."""
        self._print("the driver ran to its end", type(fault).__name__, "= yes", met=False)

    def no_errors(self, *daemons: Daemon, during: str = "") -> None:
        """Nothing that a human should look at was logged."""
        errors = [line for daemon in daemons for line in daemon.errors()]
        self.equal(f"errors logged{during and f' ({during})'}", len(errors), 0)
        for line in errors[:3]:
            sys.stdout.write(f"     {line[:8000]}\n")

    def _print(self, what: str, value: str, limit: str, *, met: bool) -> None:
        self.figures += bool(limit)
        self.unmet += not met
        sys.stdout.write(_LINE.format("ok" if met else "MISS", self.name, what, value, limit))
        sys.stdout.flush()
