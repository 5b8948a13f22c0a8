"""POST /api/v1/transcribe: a recording is handed in. DELETE …: it is called off."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated, Final
from uuid import UUID, uuid4

import attrs
from quart import Blueprint, request

from relayd import logs
from relayd.edge.body import BodyPolicy
from relayd.errors import MediaFailed, StorageFull, StorageUnavailable, Unreadable
from relayd.identity import Principal, Scope
from relayd.intake.asked import Asked
from relayd.quotas.limits import Cap
from relayd.routes.toolkit.bodies import MALFORMED_JSON, MISSING_FIELD, parse_form, refuse_no_json
from relayd.routes.toolkit.body_policy import JSON
from relayd.routes.toolkit.description import Answer, Body, Topic, described
from relayd.routes.toolkit.forms import told
from relayd.routes.toolkit.multipart import (
    DISK_FULL,
    FILE_TOO_LARGE,
    MALFORMED_FORM,
    MultipartForm,
    file_too_large,
)
from relayd.routes.toolkit.problems import (
    BODY_TIMEOUT,
    BODY_TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
    Refusal,
)
from relayd.routes.toolkit.protection import authorised
from relayd.routes.toolkit.streamed import gather
from relayd.routes.toolkit.wiring import Batch, wiring
from relayd.routes.views.v1.asking import (
    ASKING,
    IdempotencyKey,
    Wishes,
    checked_url,
    understood,
    webhook_url,
    wishes_of_form,
)
from relayd.routes.views.v1.recordings import (
    BATCH_OFF,
    DELETED,
    NOT_TAKEN,
    TOO_LONG,
    UNKNOWN_TRANSCRIPTION,
    Recording,
    TranscriptionId,
    identity,
    open_batch,
    refuse,
)
from relayd.routes.views.v1.webhooks import TOO_MANY_WEBHOOKS, endpoint_of
from relayd.transcriptions import outcomes
from relayd.transcriptions.outcomes import Standing, Submitted

__all__ = ["blueprint"]

log = logs.get(__name__)

blueprint = Blueprint("v1_transcribing", __name__, url_prefix="/api/v1")

# Beyond any file: what a file may have is configured, and judged by the view.
_CEILING_BYTES: Final = 1 << 40
# What a form has beside its file.
_FORM_BYTES: Final = 128 * 1024
_AGAIN_SECONDS: Final = 10
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


class FileAndWishes(Wishes, kw_only=True):
    """A file, and what is wanted of it."""

    file: Annotated[str, told("The recording.", "…", format="binary")]


class UrlAndWishes(Wishes, kw_only=True):
    """Where a file is, and what is wanted of it."""

    url: Annotated[
        str,
        told("Fetched without cookies or credentials.", "https://example.com/a.mp3", format="uri"),
    ]


_POLICY: Final = BodyPolicy(
    # The deadline is for each 64 KiB; the whole takes as long as it takes.
    bytes_max=_CEILING_BYTES,
    seconds=30,
    streamed=True,
    # For counting the packets of hours and for a store far away.
    answer_seconds=600,
)


@blueprint.post("/transcribe")
@authorised(Scope.BATCH)
@described(
    Topic.RECORDINGS,
    takes=Body(
        FileAndWishes,
        parsed=False,
        policy=_POLICY,
        content_type="multipart/form-data",
        also={"application/json": UrlAndWishes},
    ),
    may_have={"Idempotency-Key": IdempotencyKey},
    gives={202: Answer("It waits for its turn.", Recording)},
    refuses=(
        *ASKING,
        *INTAKE,
        TOO_MANY_WEBHOOKS,
        MALFORMED_FORM,
        MALFORMED_JSON,
        MISSING_FIELD,
        UNSUPPORTED_MEDIA_TYPE,
        BODY_TIMEOUT,
        BODY_TOO_LARGE,
    ),
    more="As a form with a file, or as JSON with the `url` of one. "
    "The fields of the form may stand before or after the file; those before it are judged "
    "before it is taken. Its length is measured, and what it will cost is set aside at once; "
    "of a URL, when it has been fetched: until then `duration_seconds` is null.",
)
async def transcribe(principal: Principal) -> Recording:
    """Hand in a recording."""
    batch = open_batch()
    if request.mimetype == "application/json":
        return Recording.of(await _take_url(batch, principal))
    if request.mimetype != "multipart/form-data":
        raise UNSUPPORTED_MEDIA_TYPE.problem(
            "Send a form with a file (multipart/form-data), or JSON with a url."
        )
    return Recording.of(await _take_file(batch, principal))


@blueprint.delete("/transcribe/<transcription_id>")
@authorised(Scope.BATCH)
@described(
    Topic.RECORDINGS,
    path={"transcription_id": TranscriptionId},
    gives={200: Answer("It has ended, or will in a moment.", Recording)},
    refuses=(UNKNOWN_TRANSCRIPTION, DELETED, BATCH_OFF),
    more="What waits costs nothing; what is under way costs what was transcribed. What has ended "
    "stays as it is.",
)
async def cancel(principal: Principal, transcription_id: str) -> Recording:
    """Call a transcription off."""
    batch = open_batch()
    asked = identity(transcription_id)
    found = await batch.transcriptions.cancel(principal.user_id, asked)
    if found is None:
        raise UNKNOWN_TRANSCRIPTION.problem()
    if found.shown is None:
        raise DELETED.problem()
    return Recording.of(Standing(found))


async def _take_url(batch: Batch, principal: Principal) -> Standing:
    refuse_no_json(required=True)
    wishes = parse_form(await gather(JSON.seconds, JSON.bytes_max), UrlAndWishes)
    url = checked_url(wishes.url)
    asked = await _told(batch, principal, wishes, understood(wishes, batch, ""))
    outcome = await batch.fetches.begin(principal.user_id, asked, url)
    if isinstance(outcome, outcomes.Refusal):
        refuse(outcome)
    if outcome.transcription.shown is None:
        raise DELETED.problem()
    one = outcome.transcription
    log.info("recording to be fetched", transcription=one.id, user=one.user_id, model=one.model)
    return outcome


async def _take_file(batch: Batch, principal: Principal) -> Standing:
    announced = request.content_length
    if announced is not None and announced > batch.upload_bytes_max + _FORM_BYTES:
        raise file_too_large(batch.upload_bytes_max)
    async with _place(principal.user_id):
        with _translated():
            async with batch.intake.spool.file(announced) as spooled:
                form = MultipartForm.of_request(spooled, batch.upload_bytes_max)
                await form.begin()
                _judged(batch, wishes_of_form(form.fields), "")
                await form.finish()
                if form.filename is None:
                    raise MISSING_FIELD.problem("The form has no file: send it in the part file.")
                wishes = wishes_of_form(form.fields)
                asked = _judged(batch, wishes, form.filename)
                asked = await _told(batch, principal, wishes, asked)
                outcome = await batch.intake.hand_in(principal.user_id, uuid4(), asked, spooled)
    return _accepted(outcome, asked, spooled.size_bytes)


def _judged(batch: Batch, wishes: Wishes, name: str) -> Asked:
    webhook_url(wishes)
    return understood(wishes, batch, name)


async def _told(batch: Batch, principal: Principal, wishes: Wishes, asked: Asked) -> Asked:
    """The same, with the endpoint that is to be told."""
    url = webhook_url(wishes)
    if url is None:
        return asked
    endpoint = await endpoint_of(batch, principal, url, every=False)
    return attrs.evolve(asked, webhook=endpoint.id)


def _accepted(outcome: Submitted | outcomes.Refusal, asked: Asked, size_bytes: int) -> Standing:
    if isinstance(outcome, outcomes.Refusal):
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
        model=asked.model,
        bytes=size_bytes,
        milliseconds=one.measured_ms,
        repeated=outcome.repeated,
    )
    return outcome.standing


@asynccontextmanager
async def _place(user_id: UUID) -> AsyncIterator[None]:
    """One upload's place, of the user's and of all."""
    quotas = wiring().services.quotas
    places = (Cap(f"uploads {user_id}", _UPLOADS_PER_USER), Cap("uploads", _UPLOADS_IN_ALL))
    if await quotas.enter(places) is not None:
        raise TOO_MANY_UPLOADS.problem(retry_after_seconds=_AGAIN_SECONDS)
    try:
        yield
    finally:
        quotas.leave(places)


@contextmanager
def _translated() -> Iterator[None]:
    """What goes wrong while a file is taken in, as a refusal."""
    try:
        yield
    except Unreadable as fault:
        raise UNREADABLE.get(fault.code, UNREADABLE["broken"]).problem(fault.message) from None
    except StorageFull:
        raise DISK_FULL.problem() from None
    except (StorageUnavailable, MediaFailed) as problem:
        log.warning("a recording could not be taken", problem=str(problem))
        raise INTAKE_UNAVAILABLE.problem(retry_after_seconds=_AGAIN_SECONDS) from None
