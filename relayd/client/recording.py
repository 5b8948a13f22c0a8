"""Audio files of any format that PyAV reads, as 16 kHz mono PCM, never whole in memory.

Decoding is blocking work, so it happens a second at a time in a thread, and the channel it
feeds bounds the look-ahead. PyAV is optional (the extra ``local``) and imported when needed.
"""

import math
import os
import select
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import attrs
import trio

from relayd.client.errors import AudioError

__all__ = ["BYTES_PER_SECOND", "CHUNK_BYTES", "LOOK_AHEAD_CHUNKS", "SAMPLE_RATE", "Recording"]

T = TypeVar("T")

SAMPLE_RATE: Final = 16_000
BYTES_PER_SECOND: Final = SAMPLE_RATE * 2
# 100 ms: engines advise 20 to 250 ms.
CHUNK_BYTES: Final = BYTES_PER_SECOND // 10
# 3 s decoded ahead (96 KiB) rides out a slow disk.
LOOK_AHEAD_CHUNKS: Final = 30
# Codecs round their timestamps; less than this between two frames is no gap.
GAP_SECONDS: Final = 0.05
# Their length is a guess from the bit rate, wrong by up to 3 % where that varies.
WITHOUT_LENGTH: Final = frozenset({"mp3", "aac"})
# How soon a read of standard input notices that nobody wants it any more.
_POLL_SECONDS: Final = 0.2


@attrs.define(eq=False)
class Recording:
    """An opened recording. ``total_seconds`` is None where the file does not say it."""

    name: str
    total_seconds: float | None
    _track: "_Track" = attrs.field(repr=False)
    _pcm: Iterator[bytes] = attrs.field(repr=False)
    _input: "_StandardInput" = attrs.field(repr=False)

    @property
    def loss(self) -> str:
        """How much of the sound was lost so far, and why; empty for none."""
        seconds = self._track.lost_seconds
        if not seconds:
            return ""
        least = math.ceil(seconds * 10) / 10
        return f"at least {least:.1f} s of {self.name} are damaged or missing, and were left out"

    @classmethod
    async def open(cls, path: Path | None) -> "Recording":
        """Open a file, or standard input for None. Raises `AudioError`."""
        standard_input = _StandardInput()
        return await _in_thread(standard_input, partial(cls._open, path, standard_input))

    async def feed(self, chunks: trio.MemorySendChannel[bytes]) -> None:
        """Put all of it into the channel in pieces of 100 ms, then close the channel.

        Raises `AudioError` if it can't be read to its end.
        """
        with chunks:
            heard = False
            pending = b""
            while piece := await _in_thread(self._input, self._read):
                heard = True
                pending += piece
                whole = len(pending) - len(pending) % CHUNK_BYTES
                for start in range(0, whole, CHUNK_BYTES):
                    await chunks.send(pending[start : start + CHUNK_BYTES])
                pending = pending[whole:]
            if pending:
                await chunks.send(pending)
            if not heard:
                raise AudioError(f"{self.name}: there is no sound in it")

    @classmethod
    def _open(cls, path: Path | None, standard_input: "_StandardInput") -> "Recording":
        av = _av()
        name = "standard input" if path is None else str(path)
        try:
            container = av.open(standard_input if path is None else str(path), mode="r")
        except (av.FFmpegError, OSError, ValueError) as error:
            raise AudioError(f"{name}: {_reason(error, standard_input)}") from error
        if not container.streams.audio:
            container.close()
            raise AudioError(f"{name}: there is no audio track in it")
        known = container.duration is not None and path is not None
        track = _Track(container)
        return cls(
            name=name if path is None else path.name,
            total_seconds=container.duration / av.time_base if known else None,
            track=track,
            pcm=track.decode(av),
            input=standard_input,
        )

    def _read(self) -> bytes:
        """About a second of PCM; empty at the end."""
        av = _av()
        piece = bytearray()
        try:
            for pcm in self._pcm:
                piece += pcm
                if len(piece) >= BYTES_PER_SECOND:
                    break
        except (av.FFmpegError, OSError, ValueError) as error:
            reason = _reason(error, None if self._track.heard else self._input)
            raise AudioError(f"{self.name}: {reason}") from error
        return bytes(piece)


async def _in_thread(standard_input: "_StandardInput", function: Callable[[], T]) -> T:
    """Run PyAV in a thread, which a cancelled caller leaves; it then ends within a poll.

    Nobody closes the container: it closes with its last reference, in whatever thread.
    """
    done = False
    try:
        result = await trio.to_thread.run_sync(
            function, abandon_on_cancel=True, limiter=trio.CapacityLimiter(1)
        )
        done = True
        return result
    finally:
        standard_input.wanted = done


def _av() -> Any:
    try:
        import av  # noqa: PLC0415 (optional)
    except ImportError as error:
        raise AudioError(
            "reading audio files needs PyAV: install it with  pip install 'relayd[local]'"
        ) from error
    return av


@attrs.define(eq=False)
class _Track:
    """A container's first audio track, and what of it could not be heard."""

    _container: Any
    # The time of the first frame, and what followed it, heard or not.
    _began: float | None = None
    _heard_seconds: float = 0.0
    _gap_seconds: float = 0.0
    _undecoded_seconds: float = 0.0

    @property
    def lost_seconds(self) -> float:
        """Sound that is not in the PCM. Where a file has no clock of its own, the least of it."""
        return max(self._gap_seconds, self._undecoded_seconds)

    @property
    def heard(self) -> bool:
        """Whether any of it could be decoded so far."""
        return self._heard_seconds > 0

    def decode(self, av: Any) -> Iterator[bytes]:
        """All of the track, in pieces of any length."""
        resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
        for packet in self._container.demux(audio=0):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                # One damaged packet: players skip it too.
                if packet.duration:
                    self._undecoded_seconds += float(packet.duration * packet.time_base)
                continue
            for frame in frames:
                self._place(frame)
                # Without its timestamp the resampler neither fills gaps nor complains about them.
                frame.pts = None
                yield from map(_pcm, resampler.resample(frame))
        yield from map(_pcm, resampler.resample(None))
        stream = self._container.streams.audio[0]
        if stream.duration is not None and self._container.format.name not in WITHOUT_LENGTH:
            self._reach(float(stream.duration * stream.time_base))

    def _place(self, frame: Any) -> None:
        if frame.time is not None:
            if self._began is None:
                self._began = frame.time
            self._reach(frame.time - self._began)
        self._heard_seconds += frame.samples / frame.sample_rate

    def _reach(self, seconds: float) -> None:
        """The file is here now; what was not heard until here, it has lost."""
        jump = seconds - self._heard_seconds - self._gap_seconds
        if jump > GAP_SECONDS:
            self._gap_seconds += jump


def _pcm(frame: Any) -> bytes:
    # A plane is padded for alignment; the samples stand at its beginning.
    return bytes(frame.planes[0])[: frame.samples * 2]


# A recorder learns it last, and what comes through a pipe can't be read backwards.
_UNSEEKABLE: Final = (
    "an MP4 or M4A mostly has its table of contents at the end, where a pipe can't look it up: "
    "give the file's name, or move the table with  ffmpeg -i in.m4a -c copy -movflags +faststart"
)


def _reason(error: Exception, standard_input: "_StandardInput | None") -> str:
    if standard_input is not None and standard_input.holds_mp4:
        return _UNSEEKABLE
    if isinstance(error, IsADirectoryError | FileNotFoundError | PermissionError):
        return (error.strerror or str(error)).lower()
    return f"this is no audio that can be read ({getattr(error, 'strerror', None) or error})"


@attrs.define(eq=False)
class _StandardInput:
    """Reads file descriptor 0 in a thread that can be told to end.

    Not through ``sys.stdin``: a thread blocked there holds its lock and stalls the exit. And
    an exception can't pass through PyAV's callback, so being unwanted looks like the end.
    """

    wanted: bool = True
    _beginning: bytes = b""

    @property
    def holds_mp4(self) -> bool:
        """Whether what was read began as the MP4 family does (ISO/IEC 14496-12, 4.3)."""
        return self._beginning[4:8] == b"ftyp"

    def read(self, size: int) -> bytes:
        """Some bytes, at most ``size``; empty at the end."""
        while self.wanted:
            if select.select([0], [], [], _POLL_SECONDS)[0]:
                piece = os.read(0, max(size, 1))
                if len(self._beginning) < 8:  # noqa: PLR2004 - the two fields read above
                    self._beginning += piece[:8]
                return piece
        return b""
