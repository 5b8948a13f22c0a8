"""The fuzz of recordings, at small size."""

from bench.faults.media import fuzz


async def test_broken_recordings_break_nothing() -> None:
    """Each comes to a sound or a reason, whatever is in it, and the same in each run."""
    outcomes = await fuzz(8)
    assert outcomes.failed == 0
    assert outcomes.too_long == 0
    assert outcomes.reasons.total() == 8
    assert len(outcomes.reasons) > 1
