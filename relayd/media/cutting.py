"""Where a long recording may be cut into parts: where it is quietest. Pure."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

__all__ = ["FRAME_MS", "cuts"]

# Loudness is told for frames of this length.
FRAME_MS: Final = 50
# A pause between sentences lasts 0.3 s; between words less.
QUIET_FRAMES: Final = 6
# A part is at least this share of the longest that is allowed.
SHARE_MIN: Final = 2 / 3
# Shorter ones have no room for a pause.
PART_MS_MIN: Final = 1_000


def cuts(levels: Sequence[int], duration_ms: int, part_ms: int) -> list[int]:
    """Where each part begins, in milliseconds; the first at 0. No part is longer than ``part_ms``.

    ``levels``: how loud each whole frame is, on any scale. Each cut is in the middle of the
    quietest `QUIET_FRAMES` in the last third of its part, which may be a second or longer.
    """
    assert part_ms >= PART_MS_MIN
    longest = part_ms // FRAME_MS
    before = [0, *accumulate(levels)]
    starts = [0]
    while duration_ms - starts[-1] * FRAME_MS > longest * FRAME_MS:
        last = min(starts[-1] + longest, len(levels)) - QUIET_FRAMES
        first = min(starts[-1] + int(longest * SHARE_MIN), last)
        # The last of equals: fewer parts.
        quietest = min(
            range(last, first - 1, -1), key=lambda n: before[n + QUIET_FRAMES] - before[n]
        )
        starts.append(quietest + QUIET_FRAMES // 2)
    return [start * FRAME_MS for start in starts]
