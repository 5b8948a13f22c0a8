"""POST /api/v1/transcribe: a recording is handed in. DELETE …: it is called off."""

from typing import Annotated, Final
from uuid import uuid4

import attrs
from msgspec import UNSET, UnsetType
from quart import Blueprint, request

from relayd import logs
from relayd.edge.body import BodyPolicy
from relayd.identity import Principal, Scope
from relayd.intake.asked import Asked
from relayd.routes.toolkit.bodies import (
    INVALID_FIELD,
    MALFORMED_JSON,
    MISSING_FIELD,
    parse_form,
    refuse_no_json,
)
from relayd.routes.toolkit.body_policy import CEILING_BYTES, JSON
from relayd.routes.toolkit.description import Answer, Body, Topic, described
from relayd.routes.toolkit.forms import told
from relayd.routes.toolkit.multipart import (
    MALFORMED_FORM,
    MultipartForm,
    file_too_large,
)
from relayd.routes.toolkit.problems import (
    BODY_TIMEOUT,
    BODY_TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
)
from relayd.routes.toolkit.protection import authorised
from relayd.routes.toolkit.streamed import gather
from relayd.routes.toolkit.wiring import Batch
from relayd.routes.views.v1.recordings.asking import (
    ASKING,
    IdempotencyKey,
    Wishes,
    checked_url,
    understood,
    webhook_url,
    wishes_of_form,
)
from relayd.routes.views.v1.recordings.recordings import (
    BATCH_OFF,
    DELETED,
    UNKNOWN_TRANSCRIPTION,
    Recording,
    TranscriptionId,
    identity,
    open_batch,
    refuse,
)
from relayd.routes.views.v1.recordings.taking import INTAKE, accepted, place, translated
from relayd.routes.views.v1.recordings.uploads import (
    UNKNOWN_UPLOAD,
    UPLOAD_EXAMPLE,
    UPLOADING,
    refused_uploads,
)
from relayd.routes.views.v1.recordings.webhooks import TOO_MANY_WEBHOOKS, endpoint_of
from relayd.transcriptions import outcomes
from relayd.transcriptions.outcomes import Standing

__all__ = ["blueprint"]

log = logs.get(__name__)

blueprint = Blueprint("v1_transcribing", __name__, url_prefix="/api/v1")

# What a form has beside its file.
_FORM_BYTES: Final = 128 * 1024


class FileAndWishes(Wishes, kw_only=True):
    """A file, and what is wanted of it."""

    file: Annotated[str, told("The recording.", "…", format="binary")]


class PlaceAndWishes(Wishes, kw_only=True):
    """Where a file is, by one of `url` and `upload`, and what is wanted of it."""

    url: (
        Annotated[
            str,
            told(
                "Fetched without cookies or credentials.", "https://example.com/a.mp3", format="uri"
            ),
        ]
        | UnsetType
    ) = UNSET
    upload: (
        Annotated[str, told("The id of an upload that is complete.", UPLOAD_EXAMPLE)] | UnsetType
    ) = UNSET


_POLICY: Final = BodyPolicy(
    # The deadline is for each 64 KiB; the whole takes as long as it takes.
    bytes_max=CEILING_BYTES,
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
        also={"application/json": PlaceAndWishes},
    ),
    may_have={"Idempotency-Key": IdempotencyKey},
    gives={202: Answer("It waits for its turn.", Recording)},
    refuses=(
        *ASKING,
        *INTAKE,
        *UPLOADING,
        TOO_MANY_WEBHOOKS,
        MALFORMED_FORM,
        MALFORMED_JSON,
        MISSING_FIELD,
        UNSUPPORTED_MEDIA_TYPE,
        BODY_TIMEOUT,
        BODY_TOO_LARGE,
    ),
    more="As a form with a file, or as JSON with the `url` of one, or the id of an `upload`. "
    "The fields of the form may stand before or after the file; those before it are judged "
    "before it is taken. Its length is measured, and what it will cost is set aside at once; "
    "of a URL, when it has been fetched: until then `duration_seconds` is null.",
)
async def transcribe(principal: Principal) -> Recording:
    """Hand in a recording."""
    batch = open_batch()
    if request.mimetype == "application/json":
        return Recording.of(await _take_elsewhere(batch, principal))
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
    found = await batch.transcriptions.cancel(principal.user_id, asked, test=principal.test)
    if found is None:
        raise UNKNOWN_TRANSCRIPTION.problem()
    if found.shown is None:
        raise DELETED.problem()
    return Recording.of(Standing(found))


async def _take_elsewhere(batch: Batch, principal: Principal) -> Standing:
    refuse_no_json(required=True)
    wishes = parse_form(await gather(JSON.seconds, JSON.bytes_max), PlaceAndWishes)
    if wishes.url is not UNSET and wishes.upload is not UNSET:
        raise INVALID_FIELD.problem("The fields url and upload can't both be said: leave one out.")
    if wishes.url is UNSET and wishes.upload is UNSET:
        raise MISSING_FIELD.problem("Say where the file is: by the field url, or upload.")
    asked = understood(wishes, batch, "")
    if wishes.url is not UNSET:
        url = checked_url(wishes.url)
        return await _take_url(batch, principal, await _told(batch, principal, wishes, asked), url)
    assert wishes.upload is not UNSET
    upload_id = identity(wishes.upload, UNKNOWN_UPLOAD)
    asked = await _told(batch, principal, wishes, asked)
    with translated(), refused_uploads():
        return accepted(await batch.uploads.hand_in(principal.user_id, upload_id, asked))


async def _take_url(batch: Batch, principal: Principal, asked: Asked, url: str) -> Standing:
    outcome = await batch.fetches.begin(principal.user_id, asked, url)
    if isinstance(outcome, outcomes.Declined):
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
    async with place(principal.user_id):
        with translated():
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
                fingerprint = asked.fingerprint(spooled.sha256)
                submission = asked.submission(principal.user_id, uuid4(), fingerprint)
                outcome = await batch.intake.hand_in(submission, spooled.path)
    return accepted(outcome, spooled.size_bytes)


def _judged(batch: Batch, wishes: Wishes, name: str) -> Asked:
    webhook_url(wishes)
    return understood(wishes, batch, name)


async def _told(batch: Batch, principal: Principal, wishes: Wishes, asked: Asked) -> Asked:
    """The same, with who asks, and the endpoint that is to be told."""
    asked = attrs.evolve(asked, key_id=principal.key_id, test=principal.test)
    url = webhook_url(wishes)
    if url is None:
        return asked
    endpoint = await endpoint_of(batch, principal, url, every=False)
    return attrs.evolve(asked, webhook=endpoint.id)
