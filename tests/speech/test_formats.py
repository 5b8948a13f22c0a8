"""Audio formats: what bytes cost, and what credit affords."""

from hypothesis import given
from hypothesis import strategies as st

from relayd.speech.formats import AudioFormat
from tests.speech.strategies import FORMATS


def test_one_second_of_the_default_format() -> None:
    """A second of 16 kHz mono linear16 is 32,000 bytes and costs 1,000 ms."""
    audio = AudioFormat()

    assert audio.bytes_per_second == 32_000
    assert audio.milliseconds(32_000) == 1000


def test_multichannel_costs_per_channel() -> None:
    """With multichannel a second costs as many seconds as it has channels; otherwise one."""
    mixed = AudioFormat(channels=2)
    separate = AudioFormat(channels=2, multichannel=True)

    assert mixed.milliseconds(64_000) == 1000
    assert separate.milliseconds(64_000) == 2000


def test_part_of_a_millisecond_counts_whole() -> None:
    """One byte costs a millisecond; rounding is up, and of the total."""
    audio = AudioFormat()

    assert audio.milliseconds(0) == 0
    assert audio.milliseconds(1) == 1
    assert audio.milliseconds(32) == 1
    assert audio.milliseconds(33) == 2


@given(FORMATS, st.integers(0, 10**7))
def test_affordable_is_affordable_and_no_more_is(audio: AudioFormat, credit_ms: int) -> None:
    """What is affordable costs at most the credit, one block more costs over it."""
    affordable = audio.affordable_bytes(credit_ms)

    assert audio.milliseconds(affordable) <= credit_ms
    assert audio.milliseconds(affordable + audio.block_bytes) > credit_ms
