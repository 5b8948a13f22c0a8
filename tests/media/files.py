"""Recordings in the forms that people have: written with libav, then broken where a test wants."""

import io
import struct
import wave
from array import array
from math import pi, sin
from pathlib import Path
from typing import Final

import av

__all__ = ["FORMS", "RATE", "encoded", "header", "loud", "tone", "wav"]

RATE: Final = 16_000

# Suffix, libav's container, codec, rate.
FORMS: Final = {
    "wav": ("wav", "pcm_s16le", RATE),
    "mp3": ("mp3", "libmp3lame", 44_100),
    "flac": ("flac", "flac", RATE),
    "ogg": ("ogg", "libopus", 48_000),
    "webm": ("webm", "libopus", 48_000),
    "m4a": ("ipod", "aac", 44_100),
    "aac": ("adts", "aac", 44_100),
    "aiff": ("aiff", "pcm_s16be", RATE),
}


def tone(seconds: float, rate: int = RATE, amplitude: int = 8000) -> bytes:
    """A sound of 440 Hz: 16-bit mono samples."""
    period = [round(amplitude * sin(2 * pi * 440 * n / rate)) for n in range(rate // 20)]
    samples = array("h", period * (round(seconds * 20) + 1))
    return samples[: round(seconds * rate)].tobytes()


def wav(pcm: bytes, rate: int = RATE, channels: int = 1) -> bytes:
    """The samples as a RIFF file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(pcm)
    return file.getvalue()


def header(*, rate: int = RATE, channels: int = 1, data_bytes: int = 0) -> bytes:
    """A RIFF header that claims whatever it is told to, with nothing behind it."""
    block = 2 * channels
    return (
        b"RIFF"
        + struct.pack("<I", min(36 + data_bytes, 2**32 - 1))
        + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 1, channels, rate, rate * block % 2**32, block, 16)
        + b"data"
        + struct.pack("<I", data_bytes)
    )


def encoded(form: str, seconds: float = 3.0) -> bytes:
    """A tone in one of `FORMS`."""
    container, codec, rate = FORMS[form]
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "mono"
        pcm = tone(seconds, rate)
        frame = av.AudioFrame("s16", "mono", len(pcm) // 2)
        frame.sample_rate = rate
        frame.planes[0].update(pcm + bytes(frame.planes[0].buffer_size - len(pcm)))
        resampler = av.AudioResampler(
            stream.format.name, "mono", rate, frame_size=stream.codec_context.frame_size or 1024
        )
        for piece in (frame, None):
            for small in resampler.resample(piece):
                out.mux(stream.encode(small))
        out.mux(stream.encode(None))
    return file.getvalue()


def loud(path: Path) -> list[int]:
    """The loudest sample of each tenth of a second of a RIFF file."""
    with wave.open(str(path), "rb") as sound:
        samples = array("h", sound.readframes(sound.getnframes()))
    return [max(map(abs, samples[n : n + RATE // 10])) for n in range(0, len(samples), RATE // 10)]
