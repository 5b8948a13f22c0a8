"""Who runs on which core: relays on theirs, everything that loads them on the others."""

import contextlib
import os
from collections.abc import Set as AbstractSet
from pathlib import Path

import attrs

__all__ = ["Cores", "cores", "pin"]


@attrs.frozen
class Cores:
    """Numbers of cores. With one core only, everything shares it."""

    relay: frozenset[int]
    load: frozenset[int]

    @property
    def apart(self) -> bool:
        """Whether the relay has its core to itself."""
        return not self.relay & self.load


def cores() -> Cores:
    """The relay gets the first core that this process may use, the load all others."""
    first, *others = sorted(os.sched_getaffinity(0))
    return Cores(relay=frozenset({first}), load=frozenset(others or {first}))


def pin(pid: int, to: AbstractSet[int]) -> None:
    """Keep every thread of a process on these cores; what it starts afterwards stays there too."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(ProcessLookupError):  # It may have ended meanwhile.
            os.sched_setaffinity(int(thread.name), to)
