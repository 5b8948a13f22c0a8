"""What is in a recording, and its sound, asked of a child process that may break.

The child has limits on memory, time and what it writes, none of our secrets, and no way to other
files through a recording. Whatever a stranger's file does, it does to the child.
"""

import importlib.util
import json
import signal
import sys
from pathlib import Path
from typing import Any, Final

import attrs
import msgspec
import trio

from relayd.children.child import REAP_SECONDS, Child, ChildEnded
from relayd.errors import MediaFailed, MissingExtra, Unreadable
from relayd.media import refusals
from relayd.media.limits import MediaLimits
from relayd.speech.files import AudioForm

__all__ = ["DecodedPart", "DecodedSound", "Measured", "RecordingOpener"]

# Beside engines that take every core, a child at the lowest priority comes to its processor time
# this much later.
_WALL_PER_CPU: Final = 20

# What ends a child that is the file's fault; others mean that somebody else ended it.
_FATAL: Final = {
    signal.SIGXCPU,
    signal.SIGSEGV,
    signal.SIGBUS,
    signal.SIGABRT,
    signal.SIGFPE,
    signal.SIGILL,
}


@attrs.frozen
class Measured:
    """What is in a file: its length counted from packets, the rest by libav's names."""

    duration_ms: int
    format: str
    codec: str
    sample_rate: int
    channels: int


@attrs.frozen
class DecodedPart:
    """A part of the sound, in a file of its own."""

    start_ms: int
    path: Path


@attrs.frozen
class DecodedSound:
    """The decoded sound: parts that touch and don't overlap, at least one."""

    duration_ms: int
    parts: tuple[DecodedPart, ...]


@attrs.define(eq=False)
class RecordingOpener:
    """Opens recordings, each in a child of its own, ``at_once`` at a time."""

    limits: MediaLimits = attrs.field(factory=MediaLimits)
    at_once: int = 2
    _places: trio.CapacityLimiter = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Say at once that libav is not installed. Raises MissingExtra."""
        if importlib.util.find_spec("av") is None:
            raise MissingExtra(
                "recordings need av: install relayd with its extra `batch`, as in: pip install"
                " 'relayd[batch]'"
            )
        self._places = trio.CapacityLimiter(self.at_once)

    async def measure(self, path: Path, seconds_max: int | None = None) -> Measured:
        """Measure a file; ``seconds_max`` where this caller's may be longer or shorter.

        Raises Unreadable, MediaFailed. Reads the file once and decodes nothing.
        """
        return msgspec.convert(await self._ask(path, seconds_max), Measured)

    async def decode(
        self,
        path: Path,
        directory: Path,
        form: AudioForm = AudioForm.WAV,
        *,
        part_seconds: int | None = None,
        seconds_max: int | None = None,
    ) -> DecodedSound:
        """Write a file's sound into an empty directory: 16 kHz, mono, WAV or FLAC.

        ``part_seconds``: cut where it is quiet, so that no part is longer. What was written when
        it failed is left to the caller. Raises Unreadable, MediaFailed.
        """
        assert form is not AudioForm.ORIGINAL
        found = await self._ask(
            path,
            seconds_max,
            directory=str(directory),
            form=form.value,
            part_seconds=part_seconds,
        )
        parts = (DecodedPart(one["start_ms"], directory / one["name"]) for one in found["parts"])
        return DecodedSound(found["duration_ms"], tuple(parts))

    async def _ask(self, path: Path, seconds_max: int | None, **order: Any) -> dict[str, Any]:
        limits = self.limits if seconds_max is None else MediaLimits(seconds_max)
        order = {"directory": None, **order, "path": str(path), "limits": attrs.asdict(limits)}
        async with self._places:
            answer = await _answered(order, limits)
        if "unreadable" in answer:
            raise Unreadable(**answer["unreadable"])
        if "failed" in answer:
            raise MediaFailed(answer["failed"])
        done: dict[str, Any] = answer["done"]
        return done


async def _answered(order: dict[str, Any], limits: MediaLimits) -> dict[str, Any]:
    """Start a child, and return its one answer. Raises Unreadable, MediaFailed."""
    try:
        child = await Child.start((sys.executable, "-m", "relayd.media"))
    except OSError as error:
        raise MediaFailed(f"no process could be started: {error.strerror}") from error
    try:
        with trio.fail_after(limits.cpu_seconds * _WALL_PER_CPU):
            await child.write(json.dumps(order).encode("ascii") + b"\n")
            return await child.read()
    except trio.TooSlowError:
        raise MediaFailed("opening a recording took too long: is the machine overloaded?") from None
    except ChildEnded as error:
        if -(child.process.returncode or 0) in _FATAL:
            raise refusals.too_costly() from error
        raise MediaFailed(f"the process that opens a recording {error}") from error
    finally:
        with trio.move_on_after(REAP_SECONDS, shield=True):
            await child.kill()
