"""The seam to engines that transcribe files: what every file engine in `relayd.engines` implements.

An adapter raises only `relayd.errors.FileEngineError` and its kinds, and `Unreadable` where the
recording is at fault.
"""

import enum
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import attrs

from relayd.speech.document import Document
from relayd.speech.plan import ConfigRefusal

__all__ = ["AudioForm", "FileEngine", "FileRequest", "Progress"]

# Told how many milliseconds of the audio are done; never fewer than before.
Progress = Callable[[int], None]


class AudioForm(enum.Enum):
    """In what form an engine takes a recording."""

    # 16 kHz, mono, 16 bits: RIFF for an engine on this machine …
    WAV = "wav"
    # … and half of its size for one behind a network.
    FLAC = "flac"
    # The file as it was handed in: the engine decodes it, and hears its channels apart.
    ORIGINAL = "original"


@attrs.frozen
class FileRequest:
    """What the caller wants to have done with a recording.

    ``model`` is the engine's own name for it. ``language`` is a BCP-47 tag, or empty: the engine
    finds out, or takes its own. ``prompt``: names and terms that are likely to be heard.
    ``diarise``: say who speaks. ``channels``: transcribe each channel by itself.
    """

    model: str
    language: str = ""
    prompt: str = ""
    diarise: bool = False
    channels: bool = False


class FileEngine(Protocol):
    """A speech-to-text engine that is given whole files.

    It may be called for several files at once, and queues what is more than it has slots for.
    """

    @property
    def name(self) -> str:
        """Its name in the configuration, and in documents."""

    @property
    def form(self) -> AudioForm:
        """What `transcribe` must be given."""

    @property
    def part_seconds_max(self) -> int | None:
        """Longer recordings are cut at silences and handed in as parts; None: never cut."""

    def refusal(self, request: FileRequest) -> ConfigRefusal | None:
        """What of this request the engine can't do; None where it can do all of it."""

    async def transcribe(self, audio: Path, request: FileRequest, progress: Progress) -> Document:
        """Transcribe one file; cancelling it ends the work at once.

        Raises EngineBusy, EngineOff, EngineFailed, or Unreadable.
        """
