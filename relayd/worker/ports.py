"""What a worker needs to hear what is in a recording."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from relayd.speech.files import AudioForm

__all__ = ["Part", "Sound", "SoundDecoder"]


class Part(Protocol):
    """A part of the sound, in a file of its own."""

    @property
    def start_ms(self) -> int:
        """Where it begins in the recording."""

    @property
    def path(self) -> Path:
        """Where it is."""


class Sound(Protocol):
    """Decoded sound: parts that touch and don't overlap, at least one."""

    @property
    def duration_ms(self) -> int:
        """All of it, by its samples."""

    @property
    def parts(self) -> Sequence[Part]:
        """In the order of their beginnings."""


class SoundDecoder(Protocol):
    """Opens recordings where whatever a stranger's file does is done to a child."""

    async def decode(
        self,
        path: Path,
        directory: Path,
        form: AudioForm = ...,
        *,
        part_seconds: int | None = None,
        seconds_max: int | None = None,
    ) -> Sound:
        """Write a file's sound into an empty directory, cut where it is quiet.

        Raises `Unreadable`, or another `RelaydError` where it is no fault of the file.
        """
