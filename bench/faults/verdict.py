"""Figures, their limits, and whether they are met."""

import sys

import attrs

from bench.daemon import Daemon

__all__ = ["Verdict"]


@attrs.define(eq=False)
class Verdict:
    """What one driver found."""

    name: str
    unmet: int = 0

    def at_most(self, what: str, value: float, limit: float, unit: str = "") -> None:
        """A figure that must not exceed its limit."""
        self._print(what, f"{value:g} {unit}".strip(), f"<= {limit:g} {unit}", met=value <= limit)

    def equal(self, what: str, value: object, wanted: object) -> None:
        """A figure that must be exactly this."""
        self._print(what, str(value), f"= {wanted}", met=value == wanted)

    def note(self, what: str, value: object) -> None:
        """A figure without a limit."""
        self._print(what, str(value), "", met=True)

    def no_errors(self, *daemons: Daemon, during: str = "") -> None:
        """Nothing that a human should look at was logged."""
        errors = [line for daemon in daemons for line in daemon.errors()]
        self.equal(f"errors logged{during and f' ({during})'}", len(errors), 0)
        for line in errors[:3]:
            sys.stdout.write(f"     {line[:8000]}\n")

    def _print(self, what: str, value: str, limit: str, *, met: bool) -> None:
        self.unmet += not met
        mark = "ok  " if met else "MISS"
        sys.stdout.write(f"{mark} {self.name:10} {what:58} {value:>16}  {limit}\n")
        sys.stdout.flush()
