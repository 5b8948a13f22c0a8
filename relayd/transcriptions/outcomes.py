"""What is handed in, what becomes of it, and why something is refused: values, no behaviour."""

import datetime as dt
import enum
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import attrs

__all__ = [
    "SHOWN",
    "Declined",
    "DeclinedReason",
    "Filters",
    "Incoming",
    "Page",
    "QueueStats",
    "Shown",
    "Standing",
    "State",
    "Submission",
    "Submitted",
    "Transcription",
    "UserStats",
]


class State(enum.Enum):
    """Where a recording stands, as the schema has it."""

    UPLOADING = "uploading"
    PROBING = "probing"
    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    DELETED = "deleted"


class Shown(enum.Enum):
    """What a caller is told of it."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


# Of each state; what was deleted isn't shown.
SHOWN: Final = {
    State.UPLOADING: Shown.QUEUED,
    State.PROBING: Shown.QUEUED,
    State.QUEUED: Shown.QUEUED,
    State.RUNNING: Shown.PROCESSING,
    State.CANCELLING: Shown.PROCESSING,
    State.DONE: Shown.COMPLETED,
    State.FAILED: Shown.FAILED,
    State.CANCELLED: Shown.CANCELLED,
    State.EXPIRED: Shown.FAILED,
}


@attrs.frozen
class Incoming:
    """A recording that is still on its way. The id is the caller's, and stays the recording's."""

    id: UUID
    user_id: UUID
    model: str
    # The file's name, as its owner calls it.
    name: str = ""
    options: Mapping[str, Any] = attrs.field(factory=dict)
    metadata: Mapping[str, Any] = attrs.field(factory=dict)
    # As of a submission.
    key_id: UUID | None = None
    test: bool = False


@attrs.frozen
class Submission:
    """A recording that is in the store and was measured, to be transcribed.

    Where its upload was recorded by `begin`, it carries that id.
    """

    id: UUID
    user_id: UUID
    model: str
    # Its key in the store. Kept, or discarded, by whoever owns the id: a submission that is
    # refused leaves the object to its caller.
    source: str
    # By its packets, never by its header.
    measured_ms: int
    name: str = ""
    # Of the request, for the engine: language, prompt, diarize, … JSON.
    options: Mapping[str, Any] = attrs.field(factory=dict)
    # The caller's own; handed back as it is. JSON.
    metadata: Mapping[str, Any] = attrs.field(factory=dict)
    idempotency_key: str | None = None
    # SHA-256 of everything that was asked for, the recording too: 32 bytes.
    fingerprint: bytes | None = None
    # The key that it is handed in with; it must be good when this enters the queue.
    key_id: UUID | None = None
    # By a test key: transcribed by pretending, and for nothing.
    test: bool = False


@attrs.frozen
class Transcription:
    """One recording as recorded. Times in milliseconds of audio, moments in UTC."""

    id: UUID
    # Its place in its owner's list: later ones have greater numbers.
    number: int
    user_id: UUID
    state: State
    name: str
    model: str
    options: Mapping[str, Any]
    metadata: Mapping[str, Any]
    source: str | None
    measured_ms: int | None
    rate_per_mille: int
    hold_ms: int
    done_ms: int
    engine: str | None
    # The result document's key in the store.
    result: str | None
    decoded_ms: int | None
    charged_ms: int | None
    # Of what failed: a code for programs, and a sentence for people.
    reason: str | None
    problem: str | None
    created_at: dt.datetime
    queued_at: dt.datetime | None
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    # What has ended is deleted then.
    expires_at: dt.datetime | None
    doomed: bool
    # Handed in with a test key; nobody else sees it.
    test: bool = False

    @property
    def shown(self) -> Shown | None:
        """What its owner is told; None of what was deleted, or will be as soon as it has ended."""
        return None if self.doomed else SHOWN.get(self.state)

    @property
    def done_share(self) -> float:
        """How much of the audio is worked off, from 0 to 1."""
        if self.state is State.DONE:
            return 1.0
        return min(self.done_ms / self.measured_ms, 1.0) if self.measured_ms else 0.0


@attrs.frozen
class Standing:
    """A recording, and when its turn may come. ``position`` counts from 1, while it waits.

    The seconds are from now, estimated from what workers did lately; None where nothing is known,
    or nothing is to come.
    """

    transcription: Transcription
    position: int | None = None
    starts_in_seconds: float | None = None
    ends_in_seconds: float | None = None


@attrs.frozen
class Submitted:
    """A recording in the queue. ``repeated``: the same request had been made before."""

    standing: Standing
    repeated: bool = False


class DeclinedReason(enum.Enum):
    """Why a recording was not taken."""

    UNKNOWN_USER = "unknown_user"
    INSUFFICIENT_CREDITS = "insufficient_credits"
    CREDIT_FROZEN = "credit_frozen"
    QUEUE_FULL = "queue_full"
    # The user's plan doesn't have this model.
    MODEL_NOT_IN_PLAN = "model_not_in_plan"
    TOO_LONG = "too_long"
    # This idempotency key names another request.
    KEY_TAKEN = "idempotency_key_taken"
    # The key it was handed in with was revoked, or ran out, meanwhile.
    KEY_ENDED = "key_ended"
    # The upload of this id was ended meanwhile: cancelled, expired or handed in before.
    UPLOAD_OVER = "upload_over"


@attrs.frozen
class Declined:
    """Nothing was changed. ``needed`` and ``available`` say it in numbers, where there are some.

    Milliseconds of credit for INSUFFICIENT_CREDITS, of audio for TOO_LONG; recordings for
    QUEUE_FULL.
    """

    reason: DeclinedReason
    needed: int = 0
    available: int = 0

    @property
    def missing(self) -> int:
        """What is lacking."""
        return max(self.needed - self.available, 0)


@attrs.frozen
class Filters:
    """Which of a user's recordings; what is None filters nothing."""

    shown: Shown | None = None
    model: str | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None


@attrs.frozen
class Page:
    """Some of a user's recordings, newest first; ``next_number`` leads to the page after."""

    transcriptions: tuple[Transcription, ...]
    next_number: int | None


@attrs.frozen
class UserStats:
    """What a user has in the queue, and had in the last 30 days."""

    queued: int
    running: int
    done: int
    failed: int
    audio_ms: int
    charged_ms: int


@attrs.frozen
class QueueStats:
    """The whole queue, for the operator and for whoever starts more workers."""

    users_waiting: int
    queued: int
    # Audio that waits, in milliseconds: with the speed of a worker, how many are needed.
    queued_ms: int
    delayed: int
    running: int
    # Since the oldest of them waits.
    oldest_seconds: float
    workers: int
    slots: int
