"""What is kept for the next engine: all that no lasting result covers, within bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayd.engines.failover.backlog import MOST_BYTES, MOST_SECONDS, Backlog
from relayd.speech.formats import AudioFormat
from relayd.speech.words import Transcript

FORMAT = AudioFormat()


def final(start: float, end: float, channel: int | None = None) -> Transcript:
    """A lasting result for this stretch of the audio."""
    return Transcript("", True, True, 1.0, start, end - start, channel=channel)


@given(st.lists(st.tuples(st.binary(max_size=900), st.floats(0, 2)), max_size=40))
def test_what_is_kept_is_the_end_of_what_came(steps: list[tuple[bytes, float]]) -> None:
    """From a whole sample on, and never more than what is not covered."""
    backlog, audio, until = Backlog(AudioFormat(sample_rate=8000)), b"", 0.0
    for piece, end in steps:
        backlog.add(piece)
        audio += piece
        backlog.cover(final(0, end))
        until = max(until, min(end, len(audio) // 2 / 8000))

        assert b"".join(backlog.pieces) == audio[backlog.begin_bytes :]
        assert backlog.begin_bytes % 2 == 0
        assert backlog.begin_seconds <= until + 1 / 8000
        assert backlog.missing_seconds == 0


@pytest.mark.parametrize("piece_bytes", [3200, 3201])
def test_seconds_are_bounded(piece_bytes: int) -> None:
    """Beyond them the oldest goes, a sample as a whole, and that is told."""
    backlog = Backlog(FORMAT)
    for _ in range(MOST_SECONDS * 10 + 20):
        backlog.add(bytes(piece_bytes))

    kept = sum(map(len, backlog.pieces))
    assert MOST_SECONDS * 32_000 - 2 < kept <= MOST_SECONDS * 32_000
    assert backlog.begin_bytes % 2 == 0
    assert backlog.missing_seconds == pytest.approx(2, abs=0.02)


def test_bytes_are_bounded() -> None:
    """However heavy a second is."""
    heavy = AudioFormat("linear32", 48_000, 20)
    backlog = Backlog(heavy)
    for _ in range(20):
        backlog.add(bytes(heavy.bytes_per_second))

    assert sum(map(len, backlog.pieces)) <= MOST_BYTES


def test_the_slowest_channel_counts() -> None:
    """Audio that one channel has no lasting words of is kept for all of them."""
    backlog = Backlog(AudioFormat(channels=2, multichannel=True))
    backlog.add(bytes(64_000 * 3))

    backlog.cover(final(0, 2, channel=0))
    assert backlog.begin_seconds == 0
    backlog.cover(final(0, 1, channel=1))
    assert backlog.begin_seconds == 1
    assert backlog.covered_seconds(final(0, 1, channel=0)) == 2
