"""The sound of a file as engines take it: 16 kHz, mono, 16 bits, whole or in parts.

Runs in the child. How much is written is bounded by its samples, whatever the file claims.
"""

import contextlib
import wave
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import av
import av.error

from relayd.media import refusals
from relayd.media.cutting import FRAME_MS, cuts
from relayd.media.limits import MediaLimits
from relayd.media.opening import RATE_MAX, RATE_MIN, Track, opened

__all__ = ["decode"]

RATE: Final = 16_000
SAMPLE_BYTES: Final = 2
BYTES_PER_MS: Final = RATE * SAMPLE_BYTES // 1000

FRAME_BYTES: Final = FRAME_MS * BYTES_PER_MS
# A quarter of the samples tells how loud it is.
MEASURED_EVERY: Final = 4

# How much of a part is in memory at once: 10 s.
PIECE_BYTES: Final = 10_000 * BYTES_PER_MS


def decode(
    path: Path, directory: Path, form: str, part_seconds: int | None, limits: MediaLimits
) -> dict[str, Any]:
    """Write the sound into the directory, which is empty: the fields of `recordings.Sound`.

    ``form`` is ``wav`` or ``flac``. Raises Unreadable, OSError.
    """
    whole = directory / "whole.wav"
    levels: list[int] = []
    with opened(path) as track, contextlib.closing(_wav(whole)) as out:
        written = 0
        pending = b""
        for pcm in _sound(track):
            written += len(pcm)
            if written > limits.duration_seconds_max * 1000 * BYTES_PER_MS:
                raise refusals.too_long(limits.duration_seconds_max)
            out.writeframesraw(pcm)
            if part_seconds is not None:
                pending = _measure(pending + pcm, levels)
    duration_ms = written // BYTES_PER_MS
    if duration_ms == 0:
        raise refusals.broken()
    starts_ms = [0] if part_seconds is None else cuts(levels, duration_ms, part_seconds * 1000)
    parts = _parts(whole, starts_ms, form)
    return {"duration_ms": duration_ms, "parts": parts}


def _sound(track: Track) -> Iterator[bytes]:
    """All that can be decoded, in pieces; a damaged packet is left out, as players do."""
    resampler: av.AudioResampler | None = None
    shape: tuple[object, ...] = ()
    for packet in track.packets():
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            continue
        for frame in frames:
            assert isinstance(frame, av.AudioFrame)
            if not RATE_MIN <= frame.sample_rate <= RATE_MAX:
                raise refusals.broken()
            # A stream may change its shape on the way; a resampler may not.
            now = (frame.format.name, frame.layout.name, frame.sample_rate)
            if now != shape:
                if resampler is not None:
                    yield from map(_pcm, resampler.resample(None))
                resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
                shape = now
            assert resampler is not None
            # Without its timestamp the resampler neither fills gaps nor complains about them.
            frame.pts = None
            yield from map(_pcm, resampler.resample(frame))
    if resampler is not None:
        yield from map(_pcm, resampler.resample(None))


def _pcm(frame: av.AudioFrame) -> bytes:
    # A plane is padded for alignment; the samples stand at its beginning.
    return bytes(frame.planes[0])[: frame.samples * SAMPLE_BYTES]


def _measure(pcm: bytes, levels: list[int]) -> bytes:
    """Note how loud each whole frame is; return what is left of one."""
    whole = len(pcm) - len(pcm) % FRAME_BYTES
    for start in range(0, whole, FRAME_BYTES):
        samples = array("h", pcm[start : start + FRAME_BYTES])[::MEASURED_EVERY]
        levels.append(sum(map(abs, samples)))
    return pcm[whole:]


def _parts(whole: Path, starts_ms: list[int], form: str) -> list[dict[str, Any]]:
    """Write each part in its form; a sound of one part that has it already stays as it is."""
    if form == "wav" and len(starts_ms) == 1:
        return [{"start_ms": 0, "name": whole.name}]
    parts = []
    with contextlib.closing(wave.open(str(whole), "rb")) as sound:
        ends_ms = [*starts_ms[1:], None]
        for number, (start_ms, end_ms) in enumerate(zip(starts_ms, ends_ms, strict=True)):
            part = whole.with_name(f"part-{number:04}.{form}")
            sound.setpos(start_ms * RATE // 1000)
            frames = sound.getnframes() if end_ms is None else end_ms * RATE // 1000
            write = _write_wav if form == "wav" else _write_flac
            write(part, _pieces(sound, frames))
            parts.append({"start_ms": start_ms, "name": part.name})
    whole.unlink()
    return parts


def _pieces(sound: wave.Wave_read, end_frame: int) -> Iterator[bytes]:
    while (left := end_frame - sound.tell()) > 0:
        yield sound.readframes(min(left, PIECE_BYTES // SAMPLE_BYTES))


def _wav(path: Path) -> wave.Wave_write:
    out = wave.open(str(path), "wb")  # noqa: SIM115 - closed by who asked for it
    out.setnchannels(1)
    out.setsampwidth(SAMPLE_BYTES)
    out.setframerate(RATE)
    return out


def _write_wav(path: Path, pieces: Iterator[bytes]) -> None:
    with contextlib.closing(_wav(path)) as out:
        for piece in pieces:
            out.writeframesraw(piece)


def _write_flac(path: Path, pieces: Iterator[bytes]) -> None:
    with av.open(str(path), "w", format="flac") as out:
        stream = out.add_stream("flac", rate=RATE, layout="mono", format="s16")
        for piece in pieces:
            frame = av.AudioFrame("s16", "mono", len(piece) // SAMPLE_BYTES)
            frame.sample_rate = RATE
            padding = frame.planes[0].buffer_size - len(piece)
            frame.planes[0].update(piece + bytes(padding))
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
