"""Blocks of sound, turned into 16 kHz PCM."""

import numpy as np
import pytest

from relayd.client.live.sound import Sound, SoundError, level_of


def tone(rate: int, seconds: float = 1.0) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    """440 Hz at half of full scale."""
    times = np.arange(round(rate * seconds)) / rate
    return (np.sin(2 * np.pi * 440 * times) / 2).astype("float32")


def test_floats_become_integers_and_are_clipped() -> None:
    """From -1 to 1 is full scale; what is beyond is the loudest there is, what is no number 0."""
    pcm = Sound().pcm(np.array([0, 0.5, 1, 2, -2, np.nan], dtype="float32"))
    assert np.frombuffer(pcm, "<i2").tolist() == [0, 16384, 32767, 32767, -32767, 0]


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
def test_another_rate_is_resampled(rate: int) -> None:
    """However the blocks are cut, a second stays a second and a tone that tone."""
    sound, whole = Sound(sample_rate=rate), tone(rate)
    pcm = b"".join(sound.pcm(whole[at : at + 1000]) for at in range(0, rate, 1000)) + sound.flush()
    heard = np.frombuffer(pcm, "<i2").astype("float64") / 32767
    assert len(heard) == pytest.approx(16_000, abs=2)
    loudest = np.abs(np.fft.rfft(heard)).argmax() * 16_000 / len(heard)
    assert loudest == pytest.approx(440, abs=2)


def test_channels_are_mixed() -> None:
    """Two channels that say the opposite are silent together; one of them alone is half."""
    stereo = np.array([[0.5, -0.5], [1.0, 0.0]], dtype="float32")
    assert np.frombuffer(Sound(channels=2).pcm(stereo), "<i2").tolist() == [0, 16384]


def test_half_a_sample_waits_for_the_other_half() -> None:
    """Bytes may be cut anywhere."""
    sound = Sound()
    assert sound.pcm(b"\x01\x02\x03") + sound.pcm(b"\x04") == b"\x01\x02\x03\x04"


@pytest.mark.parametrize("block", ["text", [1, 2], np.zeros(3, dtype="int64"), None])
def test_what_is_no_sound_is_refused(block: object) -> None:
    """With the forms that would be."""
    with pytest.raises(SoundError, match="bytes, 16-bit integers or floats"):
        Sound().pcm(block)


def test_the_meter_moves_evenly_with_loudness() -> None:
    """Full scale is 1, 30 dB below it a half, silence 0."""
    assert level_of(b"\xff\x7f" * 10) == pytest.approx(1)
    assert level_of((1036).to_bytes(2, "little")) == pytest.approx(0.5, abs=0.01)
    assert (level_of(bytes(10)), level_of(b"")) == (0, 0)
