"""Milliseconds as interfaces show them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayd.durations import seconds


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [(0, "0"), (1, "0.001"), (1000, "1"), (1500, "1.5"), (59_999, "59.999"), (-2000, "-2")],
)
def test_whole_seconds_have_no_fraction(milliseconds: int, shown: str) -> None:
    """Whole seconds are integers, which JSON writes without a point."""
    assert str(seconds(milliseconds)) == shown


@given(st.integers(-(10**12), 10**12))
def test_nothing_is_lost(milliseconds: int) -> None:
    """To the millisecond, for more than thirty years."""
    assert round(seconds(milliseconds) * 1000) == milliseconds
