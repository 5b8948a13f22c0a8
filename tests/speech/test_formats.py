"""Audio formats: what a second weighs, and how often it is charged."""

from relayd.speech.formats import AudioFormat


def test_one_second_of_the_default_format() -> None:
    """A second of 16 kHz mono linear16 is 32,000 bytes, in blocks of two."""
    audio = AudioFormat()

    assert (audio.bytes_per_second, audio.block_bytes) == (32_000, 2)


def test_a_block_has_a_sample_of_every_channel() -> None:
    """Audio is cut at multiples of all channels together."""
    assert AudioFormat("linear32", channels=3).block_bytes == 12


def test_multichannel_is_charged_per_channel() -> None:
    """With multichannel a second is charged as many times as it has channels; otherwise once."""
    assert AudioFormat(channels=2).billed_channels == 1
    assert AudioFormat(channels=2, multichannel=True).billed_channels == 2
