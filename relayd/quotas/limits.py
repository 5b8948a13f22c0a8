"""What is counted, by whom: the limits that a caller names, and the seam to who counts."""

from collections.abc import Sequence
from typing import Protocol

import attrs

__all__ = ["Cap", "Quotas", "Rate"]


@attrs.frozen
class Cap:
    """At most ``most`` at once under ``key``, such as ``connections`` or ``live 192.0.2.1``."""

    key: str
    most: int


@attrs.frozen
class Rate:
    """At most ``most`` under ``key`` in any ``seconds``."""

    key: str
    most: int
    seconds: float = 60.0


class Quotas(Protocol):
    """Counts for every process of this daemon, so that a configured figure means what it says.

    The limits come with each question: whoever counts knows no configuration.
    """

    async def enter(self, caps: Sequence[Cap]) -> str | None:
        """Take one place under every cap, or none at all: then the key of the first full one."""

    def leave(self, caps: Sequence[Cap]) -> None:
        """Give the places back; never waits."""

    async def admit(self, rates: Sequence[Rate]) -> float:
        """Seconds to wait, 0.0 meaning admitted and counted. A refused one does not count."""

    async def take(self, turn: Cap) -> None:
        """Wait for a place, first come first served. A cancelled wait holds none."""

    def give(self, turn: Cap) -> None:
        """Give the place back; never waits."""
