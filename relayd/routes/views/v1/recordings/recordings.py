"""What /api/v1 says of a recording, and why it refuses one: forms and refusals of all its views."""

from typing import Annotated, Any, Final, Literal, NoReturn, Self
from uuid import UUID

from msgspec import Meta

from relayd.durations import seconds
from relayd.identity import Principal
from relayd.intake.asked import Format
from relayd.routes.toolkit.forms import Form, Time, told
from relayd.routes.toolkit.problems import Refusal
from relayd.routes.toolkit.protection import unauthenticated
from relayd.routes.toolkit.wiring import Batch, wiring
from relayd.transcriptions import outcomes
from relayd.transcriptions.outcomes import DeclinedReason, Standing, State, Transcription

__all__ = [
    "BATCH_OFF",
    "DELETED",
    "NOT_TAKEN",
    "TOO_LONG",
    "UNKNOWN_TRANSCRIPTION",
    "Recording",
    "RecordingFault",
    "TranscriptionId",
    "identity",
    "open_batch",
    "refuse",
    "shown_format",
    "standing_of",
]

BATCH_OFF: Final = Refusal(503, "batch_off", "No recordings are taken here at the moment.")
UNKNOWN_TRANSCRIPTION: Final = Refusal(
    404, "unknown_transcription", "You have no such transcription."
)
DELETED: Final = Refusal(410, "deleted", "This transcription was deleted, or its time is over.")

INSUFFICIENT_CREDITS: Final = Refusal(
    402, "insufficient_credits", "There is not enough credit for this recording."
)
CREDIT_FROZEN: Final = Refusal(
    402, "credit_frozen", "Your credit is frozen while one of your payments is disputed."
)
QUEUE_FULL: Final = Refusal(
    429, "queue_full", "Too many of your recordings wait already. Try again later.", retries=True
)
MODEL_NOT_IN_PLAN: Final = Refusal(
    403, "model_not_in_plan", "Your plan doesn't have this model. Name another, or change the plan."
)
TOO_LONG: Final = Refusal(422, "too_long", "The recording is longer than may be sent here.")
KEY_TAKEN: Final = Refusal(
    422, "idempotency_key_taken", "This Idempotency-Key was used for another request."
)
UPLOAD_OVER: Final = Refusal(409, "upload_over", "This upload was ended meanwhile.")
# Why a recording that has come is not taken into the queue.
NOT_TAKEN: Final = {
    DeclinedReason.INSUFFICIENT_CREDITS: INSUFFICIENT_CREDITS,
    DeclinedReason.CREDIT_FROZEN: CREDIT_FROZEN,
    DeclinedReason.QUEUE_FULL: QUEUE_FULL,
    DeclinedReason.MODEL_NOT_IN_PLAN: MODEL_NOT_IN_PLAN,
    DeclinedReason.TOO_LONG: TOO_LONG,
    DeclinedReason.KEY_TAKEN: KEY_TAKEN,
    DeclinedReason.UPLOAD_OVER: UPLOAD_OVER,
}
# A place becomes free when a recording is done, which takes minutes.
_QUEUE_SECONDS: Final = 60

TranscriptionId = Annotated[
    str, told("As it was told when it was sent.", "5f0c1c52-5b0e-4d0c-9d51-6f1d7c1c9a10")
]
_Id = Annotated[UUID, told("Its id.", "5f0c1c52-5b0e-4d0c-9d51-6f1d7c1c9a10")]


class RecordingFault(Form):
    """Why there is no transcript."""

    code: Annotated[str, told("For programs.", "broken")]
    message: Annotated[str, told("For people.", "The file is broken.")]


class Recording(Form):
    """A recording and how far it is."""

    id: _Id
    status: Annotated[
        Literal["queued", "processing", "completed", "failed", "cancelled"],
        told("Where it stands. The last three are final.", "queued"),
    ]
    model: Annotated[str, told("Which model hears it.", "default")]
    format: Annotated[
        Literal["json", "verbose_json", "txt", "srt", "vtt", "html"],
        told("In which format its words are given, unless another one is asked for.", "json"),
    ]
    name: Annotated[str, told("The file's name.", "talk.mp3")]
    duration_seconds: Annotated[
        Annotated[float, Meta(ge=0)] | None,
        told("How long it is; null until it has come and was measured.", 61.5),
    ]
    cost_seconds: Annotated[
        Annotated[float, Meta(ge=0)] | None,
        told("What is set aside for it, and once it has ended, what it cost.", 62),
    ]
    position: Annotated[
        Annotated[int, Meta(ge=1)] | None, told("Its place in the queue, while it waits.", 1)
    ]
    starts_in_seconds: Annotated[
        Annotated[float, Meta(ge=0)] | None, told("When its turn may come; null: unknown.", 0)
    ]
    ends_in_seconds: Annotated[
        Annotated[float, Meta(ge=0)] | None, told("When it may be done; null: unknown.", 7.5)
    ]
    progress_percent: Annotated[float, Meta(ge=0, le=100), told("How much of it is done.", 0)]
    metadata: Annotated[dict[str, Any], told("The caller's own.", {"talk": 7})]
    error: RecordingFault | None
    created_at: Time
    started_at: Time | None
    ended_at: Time | None
    # Until then it is kept.
    expires_at: Time | None

    @classmethod
    def of(cls, standing: Standing) -> Self:
        """As its owner is told."""
        one = standing.transcription
        assert one.shown is not None, "what was deleted is not told"
        waits, until = standing.starts_in_seconds, standing.ends_in_seconds
        return cls(
            id=one.id,
            status=one.shown.value,
            model=one.model,
            format=shown_format(one).value,
            name=one.name,
            duration_seconds=None if one.measured_ms is None else seconds(one.measured_ms),
            cost_seconds=_cost(one),
            position=standing.position,
            starts_in_seconds=None if waits is None else round(waits, 1),
            ends_in_seconds=None if until is None else round(until, 1),
            progress_percent=round(100 * one.done_share, 1),
            metadata=dict(one.metadata),
            error=_fault(one),
            created_at=one.created_at.isoformat(),
            started_at=None if one.started_at is None else one.started_at.isoformat(),
            ended_at=None if one.ended_at is None else one.ended_at.isoformat(),
            expires_at=None
            if one.ended_at is None or one.expires_at is None
            else one.expires_at.isoformat(),
        )


def shown_format(one: Transcription) -> Format:
    """In which its owner wanted the words."""
    return Format.named(str(one.options.get("format", ""))) or Format.JSON


def _cost(one: Transcription) -> float | None:
    if one.measured_ms is None:
        return None
    return seconds(one.hold_ms if one.charged_ms is None else one.charged_ms)


def _fault(one: Transcription) -> RecordingFault | None:
    if one.state is State.EXPIRED:
        return RecordingFault("upload_expired", "The recording never came whole.")
    if one.state is not State.FAILED:
        return None
    return RecordingFault(one.reason or "failed", one.problem or "It could not be transcribed.")


def open_batch() -> Batch:
    """What recordings need, or the refusal that none are taken."""
    batch = wiring().services.batch
    if batch is None:
        raise BATCH_OFF.problem()
    return batch


def identity(text: str, refusal: Refusal = UNKNOWN_TRANSCRIPTION) -> UUID:
    """The id that stands in a path; what is none is nobody's."""
    try:
        return UUID(text)
    except ValueError:
        raise refusal.problem() from None


async def standing_of(batch: Batch, principal: Principal, transcription_id: str) -> Standing:
    """How one's own recording stands; refuses one that isn't there, or not any more."""
    asked = identity(transcription_id)
    found = await batch.transcriptions.look(principal.user_id, asked, test=principal.test)
    if found is None:
        raise UNKNOWN_TRANSCRIPTION.problem()
    if found.transcription.shown is None:
        raise DELETED.problem()
    return found


def refuse(refusal: outcomes.Declined) -> NoReturn:
    """Say why a recording is not taken into the queue."""
    reason = refusal.reason
    if reason is DeclinedReason.UNKNOWN_USER:
        raise unauthenticated()
    if reason is DeclinedReason.KEY_ENDED:
        raise unauthenticated(key=True)
    if reason is DeclinedReason.INSUFFICIENT_CREDITS:
        raise INSUFFICIENT_CREDITS.problem(
            f"It costs {_said(refusal.needed)} and you have {_said(refusal.available)}: "
            f"{_said(refusal.missing)} are missing."
        )
    if reason is DeclinedReason.TOO_LONG:
        raise TOO_LONG.problem(
            f"The recording is {_said(refusal.needed)} long, and may be {_said(refusal.available)}."
        )
    if reason is DeclinedReason.QUEUE_FULL:
        raise QUEUE_FULL.problem(
            f"{refusal.available} of your recordings wait already. Try again later.",
            retry_after_seconds=_QUEUE_SECONDS,
        )
    raise NOT_TAKEN[reason].problem()


def _said(milliseconds: int) -> str:
    return f"{-(-milliseconds // 1000):,} s"
