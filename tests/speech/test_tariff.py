"""What audio costs: exact, rounded up once, whatever the rate."""

from fractions import Fraction
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from relayd.speech.formats import AudioFormat
from relayd.speech.tariff import EVEN, Tariff
from tests.speech.strategies import FORMATS, TARIFFS


def test_a_second_for_a_second() -> None:
    """At the rate of 1000 a second of audio costs a second, each separate channel by itself."""
    mixed = AudioFormat(channels=2)
    separate = AudioFormat(channels=2, multichannel=True)

    assert EVEN.rate == 1000
    assert EVEN.charge_bytes(32_000, AudioFormat()) == 1000
    assert EVEN.charge_bytes(64_000, mixed) == 1000
    assert EVEN.charge_bytes(64_000, separate) == 2000


def test_part_of_a_millisecond_counts_whole() -> None:
    """One byte costs a millisecond; rounding is up, and of the total."""
    costs = [EVEN.charge_bytes(audio_bytes, AudioFormat()) for audio_bytes in (0, 1, 32, 33)]

    assert costs == [0, 1, 1, 2]


def test_a_rate_multiplies() -> None:
    """Half as much again at 1500, a tenth at 100."""
    assert Tariff(1500).charge(10_000) == 15_000
    assert Tariff(100).charge(10_001) == 1001
    assert Tariff(1500).charge_bytes(32_000, AudioFormat()) == 1500


@given(FORMATS, TARIFFS, st.integers(0, 10**12))
def test_a_charge_is_exact(audio: AudioFormat, tariff: Tariff, audio_bytes: int) -> None:
    """Seconds of audio times the rate, as a fraction, rounded up once."""
    seconds = Fraction(audio_bytes * audio.billed_channels, audio.bytes_per_second)

    assert tariff.charge_bytes(audio_bytes, audio) == ceil(seconds * tariff.rate)


@given(FORMATS, TARIFFS, st.integers(0, 10**6))
def test_raw_audio_and_files_cost_the_same(
    audio: AudioFormat, tariff: Tariff, seconds: int
) -> None:
    """The same audio costs the same by its bytes and by its milliseconds."""
    by_bytes = tariff.charge_bytes(seconds * audio.bytes_per_second, audio)

    assert by_bytes == tariff.charge(seconds * 1000 * audio.billed_channels)


@given(FORMATS, TARIFFS, st.integers(0, 10**7))
def test_affordable_is_affordable_and_no_more_is(
    audio: AudioFormat, tariff: Tariff, credit_ms: int
) -> None:
    """What is affordable costs at most the credit, one block more costs over it."""
    affordable = tariff.affordable_bytes(credit_ms, audio)

    assert affordable % audio.block_bytes == 0
    assert tariff.charge_bytes(affordable, audio) <= credit_ms
    assert tariff.charge_bytes(affordable + audio.block_bytes, audio) > credit_ms
