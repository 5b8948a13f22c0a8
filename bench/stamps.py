"""Points in time inside audio and words, so that a delay can be read where it ends.

All processes run on one machine, and CLOCK_MONOTONIC is one clock there.
"""

import re
import time
from collections.abc import Sequence
from typing import Final

import attrs

__all__ = ["STAMP_BYTES", "Delays", "in_words", "of_audio", "of_words", "percentile"]

STAMP_BYTES: Final = 8

# Found in JSON of any shape: the stand-in writes it into its transcript, relays carry it along.
_WORDS: Final = re.compile(rb"at(\d{10,20})")


def of_audio(audio: bytes) -> int:
    """The stamp at the beginning of a frame, in nanoseconds."""
    return int.from_bytes(audio[:STAMP_BYTES], "little")


def in_words(nanoseconds: int) -> str:
    """The word that carries a stamp."""
    return f"at{nanoseconds}"


def of_words(message: bytes) -> int | None:
    """The first stamp of a message, if it carries one."""
    found = _WORDS.search(message)
    return int(found[1]) if found else None


@attrs.define(eq=False)
class Delays:
    """Delays in nanoseconds, and those that lay between the last two marks."""

    samples: list[int] = attrs.field(factory=list)
    between: list[int] = attrs.field(factory=list)

    def note(self, stamp: int) -> None:
        """A stamp arrived now."""
        self.samples.append(time.monotonic_ns() - stamp)

    def mark(self) -> None:
        """Begin anew. This costs nothing, so that a mark disturbs nothing."""
        self.between, self.samples = self.samples, []

    def percentiles(self) -> dict[str, float]:
        """Of those between the last two marks, in milliseconds."""
        ordered = sorted(self.between)
        return {
            "p50_ms": percentile(ordered, 50),
            "p99_ms": percentile(ordered, 99),
            "max_ms": percentile(ordered, 100),
        }


def percentile(ordered: Sequence[int], percent: int) -> float:
    """The nearest-rank percentile of sorted nanoseconds, in milliseconds; 0 without any."""
    if not ordered:
        return 0.0
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(rank, 1) - 1] / 1e6
