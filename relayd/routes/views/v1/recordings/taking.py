"""What all ways in have in common: places, refusals of what can't be taken, and the answer."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final
from uuid import UUID

from relayd import logs
from relayd.errors import MediaFailed, StorageFull, StorageUnavailable, Unreadable
from relayd.quotas.limits import Cap
from relayd.routes.toolkit.multipart import DISK_FULL, FILE_TOO_LARGE
from relayd.routes.toolkit.problems import Refusal
from relayd.routes.toolkit.wiring import wiring
from relayd.routes.views.v1.recordings.recordings import (
    BATCH_OFF,
    DELETED,
    NOT_TAKEN,
    TOO_LONG,
    refuse,
)
from relayd.transcriptions import outcomes
from relayd.transcriptions.outcomes import Standing, Submitted

__all__ = [
    "AGAIN_SECONDS",
    "INTAKE",
    "INTAKE_UNAVAILABLE",
    "TOO_MANY_UPLOADS",
    "accepted",
    "place",
    "translated",
]

log = logs.get(__name__)

AGAIN_SECONDS: Final = 10
# Each has 1 MiB in memory and a file on the disk.
_UPLOADS_PER_USER: Final = 4
_UPLOADS_IN_ALL: Final = 64

TOO_MANY_UPLOADS: Final = Refusal(
    429, "too_many_uploads", "Too many files come at once. Send them one by one.", retries=True
)
INTAKE_UNAVAILABLE: Final = Refusal(
    503,
    "intake_unavailable",
    "Recordings can't be taken right now. Nothing was charged; try again shortly.",
    retries=True,
)
# Why a file is no recording, by the codes of `relayd.media.refusals`.
_UNREADABLE: Final = (
    Refusal(422, "empty", "The file is empty."),
    Refusal(422, "broken", "The file is broken, or is no recording that can be read."),
    Refusal(422, "no_audio", "There is no sound in the file."),
    Refusal(422, "sample_rate", "The file claims a sample rate that no recording has."),
    Refusal(422, "channels", "The file claims more channels than there are."),
    Refusal(422, "too_costly", "Reading the file takes more time or memory than it should."),
)
UNREADABLE: Final = {one.code: one for one in (*_UNREADABLE, TOO_LONG)}
INTAKE: Final = (
    *NOT_TAKEN.values(),
    *UNREADABLE.values(),
    TOO_MANY_UPLOADS,
    INTAKE_UNAVAILABLE,
    DISK_FULL,
    FILE_TOO_LARGE,
    BATCH_OFF,
)


def accepted(outcome: Submitted | outcomes.Declined, size_bytes: int | None = None) -> Standing:
    """The recording that was taken; raises the refusal of one that wasn't."""
    if isinstance(outcome, outcomes.Declined):
        log.info("recording refused", reason=outcome.reason.value)
        refuse(outcome)
    one = outcome.standing.transcription
    if one.shown is None:
        # The same request came before, and what came of it was deleted.
        raise DELETED.problem()
    log.info(
        "recording taken",
        transcription=one.id,
        user=one.user_id,
        model=one.model,
        bytes=size_bytes,
        milliseconds=one.measured_ms,
        repeated=outcome.repeated,
    )
    return outcome.standing


@asynccontextmanager
async def place(user_id: UUID) -> AsyncIterator[None]:
    """One upload's place, of the user's and of all."""
    quotas = wiring().services.quotas
    places = (Cap(f"uploads {user_id}", _UPLOADS_PER_USER), Cap("uploads", _UPLOADS_IN_ALL))
    if await quotas.enter(places) is not None:
        raise TOO_MANY_UPLOADS.problem(retry_after_seconds=AGAIN_SECONDS)
    try:
        yield
    finally:
        quotas.leave(places)


@contextmanager
def translated() -> Iterator[None]:
    """What goes wrong while a file is taken in, as a refusal."""
    try:
        yield
    except Unreadable as fault:
        raise UNREADABLE.get(fault.code, UNREADABLE["broken"]).problem(fault.message) from None
    except StorageFull:
        raise DISK_FULL.problem() from None
    except (StorageUnavailable, MediaFailed) as problem:
        log.warning("a recording could not be taken", problem=str(problem))
        raise INTAKE_UNAVAILABLE.problem(retry_after_seconds=AGAIN_SECONDS) from None
