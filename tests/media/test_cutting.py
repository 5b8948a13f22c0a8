"""Where a recording is cut: at its quietest, and never into parts that are too long."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayd.media.cutting import FRAME_MS, cuts


@given(
    st.lists(st.integers(0, 100), max_size=600), st.integers(0, FRAME_MS), st.integers(1_000, 9_000)
)
def test_parts_touch_and_none_is_too_long(levels: list[int], rest_ms: int, part_ms: int) -> None:
    """Whatever is heard, the parts are the whole recording, each at most as long as allowed."""
    duration_ms = len(levels) * FRAME_MS + rest_ms

    starts = cuts(levels, duration_ms, part_ms)

    assert starts[0] == 0
    lengths = [after - before for before, after in pairwise([*starts, duration_ms])]
    assert all(0 < one <= part_ms for one in lengths[:-1])
    # What is no whole frame goes to the last part.
    assert lengths[-1] <= part_ms + FRAME_MS


@pytest.mark.parametrize("quiet", [45, 50, 54])
def test_the_cut_is_in_the_middle_of_the_pause(quiet: int) -> None:
    """A pause of 0.3 s between loud speech is where nobody speaks."""
    levels = [50] * 100
    levels[quiet : quiet + 6] = [1] * 6
    assert cuts(levels, 5_000, 3_000) == [0, (quiet + 3) * FRAME_MS]


def test_a_short_recording_stays_whole() -> None:
    """There is nothing to be won by cutting it."""
    assert cuts([0] * 60, 3_000, 3_000) == [0]
