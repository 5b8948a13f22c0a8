"""A file that has come: measured by its packets, kept in the store, handed to the queue.

In this order, because each step costs more than the one before, and because nothing is in the books
that isn't in the store. What a step leaves behind when the next one fails is removed here where
that is certain, else by the sweep for orphans.
"""

from pathlib import Path
from typing import Protocol
from uuid import UUID

import attrs

from relayd import logs
from relayd.errors import StorageUnavailable
from relayd.storage.ports import Store
from relayd.storage.spool import Spool
from relayd.transcriptions.outcomes import Declined, Submission, Submitted

__all__ = ["AUDIO", "Intake", "Measurer", "Queue", "Sized", "audio_key"]

log = logs.get(__name__)

# The folder of recordings in the store.
AUDIO = "audio"


class Sized(Protocol):
    """What is needed of a measured file."""

    @property
    def duration_ms(self) -> int:
        """Counted from its packets."""


class Measurer(Protocol):
    """Opens what strangers send, in a child."""

    async def measure(self, path: Path, seconds_max: int | None = None) -> Sized:
        """How long it is. Raises Unreadable, MediaFailed."""


class Queue(Protocol):
    """Where recordings wait; raises `DatabaseUnavailable`."""

    async def submit(self, submission: Submission) -> Submitted | Declined:
        """See `relayd.transcriptions.service.Transcriptions`."""

    async def repeated(self, submission: Submission) -> Submitted | Declined | None:
        """Likewise."""


@attrs.frozen
class Intake:
    """What every way in ends with."""

    spool: Spool
    store: Store
    measurer: Measurer
    queue: Queue
    # How long a recording may be.
    seconds_max: int

    async def hand_in(self, submission: Submission, path: Path) -> Submitted | Declined:
        """Take a whole file in, which may be gone from ``path`` then.

        Raises Unreadable, MediaFailed, StorageUnavailable, DatabaseUnavailable: then nothing was
        charged, and of the last one nothing is known.
        """
        measured = await self.measurer.measure(path, self.seconds_max)
        key = audio_key(submission.id)
        await self.store.put_file(key, path)
        outcome = await self.queue.submit(
            attrs.evolve(submission, source=key, measured_ms=measured.duration_ms)
        )
        if isinstance(outcome, Declined) or outcome.standing.transcription.id != submission.id:
            await self._discard(key)
        return outcome

    async def _discard(self, key: str) -> None:
        try:
            await self.store.delete([key])
        except StorageUnavailable as problem:
            log.info("a recording that was not taken is left to the sweep", problem=str(problem))


def audio_key(recording_id: UUID) -> str:
    """A recording's name in the store."""
    return f"{AUDIO}/{recording_id}"
