"""/api/v1/status, result, transcriptions: how a recording stands, its words, and all of them."""

import datetime as dt
from typing import Annotated, Final
from urllib.parse import quote

from msgspec import Meta
from quart import Blueprint, Response, request

from relayd import logs
from relayd.errors import ObjectMissing, StorageUnavailable
from relayd.identity import Principal, Scope
from relayd.intake.asked import Format
from relayd.routes.toolkit.bodies import INVALID_FIELD
from relayd.routes.toolkit.description import Answer, Topic, described
from relayd.routes.toolkit.forms import Form, told
from relayd.routes.toolkit.problems import Refusal
from relayd.routes.toolkit.protection import authorised
from relayd.routes.toolkit.wiring import Batch, wiring
from relayd.routes.views.v1.numbers import NUMBER_MAX, number_asked
from relayd.routes.views.v1.recordings.asking import UNKNOWN_FORMAT
from relayd.routes.views.v1.recordings.recordings import (
    BATCH_OFF,
    DELETED,
    UNKNOWN_TRANSCRIPTION,
    Recording,
    TranscriptionId,
    identity,
    open_batch,
    shown_format,
    standing_of,
)
from relayd.routes.views.v1.recordings.taking import INTAKE_UNAVAILABLE
from relayd.transcriptions.formats.registry import FORMATS
from relayd.transcriptions.outcomes import Filters, Shown, Standing, Transcription

__all__ = ["blueprint"]

log = logs.get(__name__)

blueprint = Blueprint("v1_transcriptions", __name__, url_prefix="/api/v1")

NOT_READY: Final = Refusal(
    409, "not_ready", "It is not transcribed yet. Ask for its status.", retries=True
)
FORMAT_NOT_IN_PLAN: Final = Refusal(
    403, "format_not_in_plan", "Your plan doesn't have this format. Ask for another one."
)
NO_DIRECT_DOWNLOADS: Final = Refusal(
    409, "no_direct_downloads", "This server keeps its files itself: ask it for the result."
)
NO_RESULT: Final = Refusal(409, "no_result", "There are no words: it failed or was called off.")

_PAGE: Final = 50
_PAGE_MAX: Final = 200
_AGAIN_SECONDS: Final = 5
# Of a page of a stranger's words: it may look like something, and do nothing.
_PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; "
    "sandbox"
)
_STORE_SECONDS: Final = 10
# A signed address is for now: whoever has it needs nothing else.
_LINK_SECONDS: Final = 600


class Words(Form):
    """What was said."""

    text: Annotated[str, told("All of it.", "Four score and seven years ago.")]


class DirectDownloads(Form):
    """Where a recording's objects can be fetched without the server."""

    audio_url: Annotated[
        str | None,
        told(
            "For GET, as it is; null where the audio is not kept.", "https://store.example/audio…"
        ),
    ]
    document_url: Annotated[
        str | None,
        told(
            "The document of which every format is written, in JSON with times in milliseconds; "
            "null until it is there.",
            "https://store.example/results…",
        ),
    ]
    expires_in_seconds: Annotated[int, told("The addresses are good for so long.", _LINK_SECONDS)]


class RecordingPage(Form):
    """Some of one's recordings, newest first."""

    transcriptions: Annotated[
        list[Recording], Meta(max_length=_PAGE_MAX, description="Newest first.")
    ]
    next_before: Annotated[int | None, told("For `before`, where there are older ones.", 41)]


class Gone(Form):
    """It is gone."""

    deleted: Annotated[bool, told("Always true.", sample=True, const=True)]


@blueprint.get("/status/<transcription_id>")
@authorised(Scope.READ)
@described(
    Topic.RECORDINGS,
    path={"transcription_id": TranscriptionId},
    gives={200: Answer("How it stands.", Recording)},
    refuses=(UNKNOWN_TRANSCRIPTION, DELETED, BATCH_OFF),
)
async def status(principal: Principal, transcription_id: str) -> Recording:
    """How a recording stands."""
    return Recording.of(await standing_of(open_batch(), principal, transcription_id))


@blueprint.get("/result/<transcription_id>")
@authorised(Scope.READ)
@described(
    Topic.RECORDINGS,
    path={"transcription_id": TranscriptionId},
    query={
        "format": Annotated[
            str, told("json, verbose_json, txt, srt, vtt or html; left out: as asked for.", "json")
        ]
    },
    gives={200: Answer("The words. In another format they are text of its own type.", Words)},
    refuses=(
        UNKNOWN_TRANSCRIPTION,
        UNKNOWN_FORMAT,
        FORMAT_NOT_IN_PLAN,
        DELETED,
        NOT_READY,
        NO_RESULT,
        INTAKE_UNAVAILABLE,
        BATCH_OFF,
    ),
)
async def result(principal: Principal, transcription_id: str) -> Response:
    """The words of a recording."""
    batch = open_batch()
    one = (await standing_of(batch, principal, transcription_id)).transcription
    named = request.args.get("format", "")
    wanted = Format.named(named) if named else shown_format(one)
    if wanted is None:
        raise UNKNOWN_FORMAT.problem()
    await _demand_format(principal, wanted)
    response = Response(
        await _words(batch, one, wanted), content_type=FORMATS[wanted.value].media_type
    )
    response.headers["Content-Disposition"] = _disposition(one, wanted)
    if wanted is Format.HTML:
        response.headers["Content-Security-Policy"] = _PAGE_POLICY
    return response


@blueprint.get("/transcriptions/<transcription_id>/links")
@authorised(Scope.READ)
@described(
    Topic.RECORDINGS,
    path={"transcription_id": TranscriptionId},
    gives={200: Answer("Fetch them there.", DirectDownloads)},
    refuses=(
        UNKNOWN_TRANSCRIPTION,
        DELETED,
        FORMAT_NOT_IN_PLAN,
        NO_DIRECT_DOWNLOADS,
        INTAKE_UNAVAILABLE,
        BATCH_OFF,
    ),
    more="Where the server keeps files in an object store, audio and words can be fetched from it "
    "without passing through the server, and without a token.",
)
async def links(principal: Principal, transcription_id: str) -> DirectDownloads:
    """Get signed addresses of a recording's audio and words."""
    batch = open_batch()
    one = (await standing_of(batch, principal, transcription_id)).transcription
    # It holds all that this format does.
    await _demand_format(principal, Format.VERBOSE_JSON)
    store = batch.intake.store
    try:
        if await store.link(f"results/{one.id}", _LINK_SECONDS) is None:
            raise NO_DIRECT_DOWNLOADS.problem()
        audio, document = [
            None if key is None else await store.link(key, _LINK_SECONDS)
            for key in (one.source, one.result)
        ]
    except StorageUnavailable as problem:
        log.warning("an object can't be linked to", problem=str(problem))
        raise INTAKE_UNAVAILABLE.problem(retry_after_seconds=_STORE_SECONDS) from None
    return DirectDownloads(audio_url=audio, document_url=document, expires_in_seconds=_LINK_SECONDS)


@blueprint.get("/transcriptions")
@authorised(Scope.READ)
@described(
    Topic.RECORDINGS,
    query={
        "status": Annotated[
            str, told("queued, processing, completed, failed or cancelled.", "completed")
        ],
        "model": Annotated[str, told("Only of this model.", "default")],
        "since": Annotated[str, told("Not older than this (RFC 3339).", "2026-03-01T00:00:00Z")],
        "until": Annotated[str, told("Older than this (RFC 3339).", "2026-04-01T00:00:00Z")],
        "before": Annotated[int, told("From `next_before` of the page before.", 41)],
        "limit": Annotated[int, told(f"At most so many, {_PAGE} if left out.", 10)],
    },
    gives={200: Answer("A page of them.", RecordingPage)},
    refuses=(INVALID_FIELD, BATCH_OFF),
)
async def transcriptions(principal: Principal) -> RecordingPage:
    """One's own recordings, newest first."""
    batch = open_batch()
    filters = Filters(
        shown=_shown(), model=_model(batch), since=_time("since"), until=_time("until")
    )
    page = await batch.transcriptions.page(
        principal.user_id,
        filters,
        number_asked("before", None, NUMBER_MAX),
        number_asked("limit", _PAGE, _PAGE_MAX) or _PAGE,
        test=principal.test,
    )
    shown = [Recording.of(Standing(one)) for one in page.transcriptions]
    return RecordingPage(transcriptions=shown, next_before=page.next_number)


@blueprint.delete("/transcriptions/<transcription_id>")
@authorised(Scope.BATCH)
@described(
    Topic.RECORDINGS,
    path={"transcription_id": TranscriptionId},
    gives={200: Answer("Gone, now or before.", Gone)},
    refuses=(UNKNOWN_TRANSCRIPTION, BATCH_OFF),
    more="Audio and words are removed now, after it was called off where it had not ended. What "
    "it cost stays in the books.",
)
async def delete(principal: Principal, transcription_id: str) -> Gone:
    """Delete a recording and its words."""
    found = await open_batch().transcriptions.delete(
        principal.user_id, identity(transcription_id), test=principal.test
    )
    if found is None:
        raise UNKNOWN_TRANSCRIPTION.problem()
    log.info("transcription deleted", transcription=found.id, user=principal.user_id)
    return Gone(deleted=True)


async def _demand_format(principal: Principal, wanted: Format) -> None:
    """Refuse what the plan doesn't have."""
    plans = wiring().services.plans
    plan = None if plans is None else await plans.plan(principal.user_id)
    if plan is not None and plan.formats is not None and wanted.value not in plan.formats:
        raise FORMAT_NOT_IN_PLAN.problem(
            f"Your plan has no {wanted.value}. It has {', '.join(sorted(plan.formats))}: ask for "
            "one of these in the query, or change the plan."
        )


async def _words(batch: Batch, one: Transcription, wanted: Format) -> bytes:
    if one.shown in {Shown.QUEUED, Shown.PROCESSING}:
        raise NOT_READY.problem(retry_after_seconds=_AGAIN_SECONDS)
    if one.shown is not Shown.COMPLETED:
        raise NO_RESULT.problem()
    assert one.result is not None
    try:
        document = await batch.intake.store.read(one.result)
    except ObjectMissing:
        # Deleted in this moment.
        raise DELETED.problem() from None
    except StorageUnavailable as problem:
        log.warning("a result can't be read", problem=str(problem))
        raise INTAKE_UNAVAILABLE.problem(retry_after_seconds=_STORE_SECONDS) from None
    return batch.written(document, wanted, one.name)


def _disposition(one: Transcription, wanted: Format) -> str:
    """Its name, should somebody save it (RFC 6266)."""
    stem = one.name.rpartition(".")[0] or one.name or "transcript"
    name = f"{stem}.{FORMATS[wanted.value].suffix}"
    return f"inline; filename*=UTF-8''{quote(name, safe='')}"


def _shown() -> Shown | None:
    text = request.args.get("status", "").strip().lower()
    if not text:
        return None
    try:
        return Shown(text)
    except ValueError:
        names = ", ".join(one.value for one in Shown)
        raise INVALID_FIELD.problem(f"The status is one of {names}.") from None


def _model(batch: Batch) -> str | None:
    text = request.args.get("model", "").strip()
    # One that isn't known has no recordings.
    return (batch.model(text) or "") if text else None


def _time(name: str) -> dt.datetime | None:
    text = request.args.get(name, "").strip()
    if not text:
        return None
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise INVALID_FIELD.problem(f"The field {name} must be a time with its offset.")
    return found
