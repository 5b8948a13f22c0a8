"""Any raw audio becomes 16 kHz mono linear16."""

import math
import random
import struct
from array import array
from itertools import pairwise

import pytest

from relayd.engines.local.audio import Converter
from relayd.speech.formats import AudioFormat

FORMATS = [
    AudioFormat(encoding, rate, channels)
    for encoding in ("linear16", "linear32", "mulaw", "alaw")
    for rate, channels in ((8_000, 1), (11_025, 2), (16_000, 1), (48_000, 20))
]


def tone(source: AudioFormat, hertz: float = 440.0, seconds: float = 0.2) -> bytes:
    """Render a half-loud tone, the same on all channels; linear16 or linear32."""
    samples = [
        0.5 * math.sin(2 * math.pi * hertz * n / source.sample_rate)
        for n in range(round(seconds * source.sample_rate))
    ]
    if source.encoding == "linear16":
        packed = [struct.pack("<h", round(sample * 32767)) for sample in samples]
    else:
        packed = [struct.pack("<f", sample) for sample in samples]
    return b"".join(one * source.channels for one in packed)


def converted(source: AudioFormat, audio: bytes, cut: int) -> bytes:
    """Convert audio that arrives in pieces of ``cut`` bytes."""
    converter = Converter(source)
    pieces = [converter.convert(audio[n : n + cut]) for n in range(0, len(audio), cut)]
    return b"".join(pieces) + converter.flush()


def test_what_fits_is_passed_through() -> None:
    """The default format reaches the model byte for byte."""
    audio = tone(AudioFormat())

    assert converted(AudioFormat(), audio, 333) == audio


@pytest.mark.parametrize("source", FORMATS, ids=str)
def test_cutting_changes_nothing(source: AudioFormat) -> None:
    """The same audio in other pieces, inside a sample too, gives the same samples."""
    floats = source.encoding == "linear32"
    noise = random.Random(1).randbytes(source.bytes_per_second // 10)  # noqa: S311 - test noise
    audio = tone(source) if floats else noise

    whole = converted(source, audio, len(audio))

    assert converted(source, audio, 997) == whole
    seconds = len(audio) / source.bytes_per_second
    assert len(whole) / 2 == pytest.approx(seconds * 16_000, abs=4)


@pytest.mark.parametrize("encoding", ["linear16", "linear32"])
@pytest.mark.parametrize("channels", [1, 2, 3, 20])
def test_a_tone_stays_the_tone(encoding: str, channels: int) -> None:
    """Pitch and loudness survive mixing down and resampling."""
    source = AudioFormat(encoding, 44_100, channels)

    heard = array("h", converted(source, tone(source), 4_410))

    middle = heard[400:-400]
    crossings = sum(a < 0 <= b for a, b in pairwise(middle))
    assert crossings == pytest.approx(440 * len(middle) / 16_000, abs=1)
    assert max(middle) == pytest.approx(16_384, rel=0.02)


@pytest.mark.parametrize(("encoding", "silence"), [("mulaw", b"\xff"), ("alaw", b"\xd5")])
def test_g711_silence_is_silence(encoding: str, silence: bytes) -> None:
    """G.711 is expanded by its own law."""
    heard = array("h", converted(AudioFormat(encoding, 8_000, 1), silence * 800, 160))

    assert max(map(abs, heard)) <= 8
