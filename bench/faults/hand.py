"""``python -m bench.faults.hand CONFIG SLOTS``: a worker whose engine takes its time.

All of it is relayd's own but the engine: that one looks at no sound and takes as long as the
recording's text says, so that many recordings run at once on a small machine.
"""

import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import trio

from relayd import config, logs
from relayd.daemon import working
from relayd.speech.document import Document
from relayd.speech.files import AudioForm, FileRequest, Progress
from relayd.speech.plan import ConfigRefusal

__all__ = ["MODEL", "recording"]

MODEL = "patient"
# How often the engine tells how far it is.
_STEPS = 10


def recording(audio_ms: int, seconds: float) -> bytes:
    """What stands for a recording of this length that takes so long."""
    return f"{audio_ms} {seconds}".encode()


@attrs.frozen
class Patient:
    """Implements `relayd.speech.files.FileEngine`."""

    name: str = MODEL
    form: AudioForm = AudioForm.ORIGINAL
    part_seconds_max: int | None = None

    def refusal(self, request: FileRequest) -> ConfigRefusal | None:
        """It can do everything."""
        return None

    async def transcribe(self, audio: Path, request: FileRequest, progress: Progress) -> Document:
        """Wait."""
        text = await trio.Path(audio).read_text()
        audio_ms, seconds = int(text.split()[0]), float(text.split()[1])
        for step in range(_STEPS):
            await trio.sleep(seconds / _STEPS)
            progress(audio_ms * (step + 1) // _STEPS)
        return Document(self.name, request.model, "", audio_ms)


@attrs.frozen
class Asked:
    """Implements `relayd.speech.catalogue.Candidate`."""

    engine: Patient
    request: FileRequest


class Patients:
    """Implements `relayd.speech.catalogue.Catalogue`."""

    def candidates(
        self, model: str, request: FileRequest, *, test: bool = False
    ) -> Sequence[Asked]:
        """See `Catalogue`."""
        return (Asked(Patient(), attrs.evolve(request, model=model)),)


@asynccontextmanager
async def _patients(_: config.Config) -> AsyncIterator[Patients]:
    yield Patients()


def main() -> None:
    """Work until SIGTERM."""
    configured = _elsewhere(config.load(Path(sys.argv[1]), {}))
    slots = int(sys.argv[2])
    with logs.in_background(configured.log.level, configured.log.format) as write_line:

        async def work() -> None:
            await working.run(configured, slots, started=write_line, engines=_patients)

        trio.run(work)


def _elsewhere(configured: config.Config) -> config.Config:
    """As if on a machine of its own: only heartbeats tell the others of its death."""
    apart = configured.database.data_directory / str(os.getpid())
    return attrs.evolve(
        configured, database=attrs.evolve(configured.database, data_directory=apart)
    )


if __name__ == "__main__":
    main()
