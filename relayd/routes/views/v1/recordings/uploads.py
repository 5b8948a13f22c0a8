"""/api/v1/uploads: files that come in several requests, by tus 1.0 (https://tus.io).

The core protocol with its extensions creation, termination and expiration. What has come whole is
made a recording by `POST /api/v1/transcribe` with the upload's id.
"""

import base64
import binascii
import datetime as dt
import re
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import format_datetime
from typing import Annotated, Final

from quart import Blueprint, Response, request

from relayd import logs
from relayd.edge.body import BodyPolicy
from relayd.errors import UploadBusy
from relayd.identity import Principal, Scope
from relayd.intake.upload_rows import Upload
from relayd.intake.uploads import Arrival, UploadGone, UploadTooLarge, UploadUnfinished
from relayd.routes.toolkit.body_policy import CEILING_BYTES
from relayd.routes.toolkit.description import Answer, Body, Topic, described, undescribed
from relayd.routes.toolkit.forms import told
from relayd.routes.toolkit.multipart import DISK_FULL, FILE_TOO_LARGE, file_too_large
from relayd.routes.toolkit.problems import (
    BODY_TIMEOUT,
    UNSUPPORTED_MEDIA_TYPE,
    Refusal,
)
from relayd.routes.toolkit.protection import authorised, exempt
from relayd.routes.toolkit.streamed import take_part
from relayd.routes.views.v1.recordings.asking import clean_name
from relayd.routes.views.v1.recordings.recordings import BATCH_OFF, identity, open_batch
from relayd.routes.views.v1.recordings.taking import (
    AGAIN_SECONDS,
    INTAKE_UNAVAILABLE,
    TOO_MANY_UPLOADS,
    place,
    translated,
)

__all__ = [
    "UNKNOWN_UPLOAD",
    "UPLOADING",
    "UPLOAD_EXAMPLE",
    "blueprint",
    "refused_uploads",
]

log = logs.get(__name__)

blueprint = Blueprint("v1_uploads", __name__, url_prefix="/api/v1/uploads")
_VERSION: Final = "1.0.0"
_OVERRIDE: Final = "X-HTTP-Method-Override"
_EXTENSIONS: Final = "creation,termination,expiration"
_PATCH_TYPE: Final = "application/offset+octet-stream"
_NUMBER: Final = re.compile(r"[0-9]{1,15}")

UPLOAD_EXAMPLE: Final = "0b6cf1d5-7f2e-4b26-8f0c-2f8d9f3c7a11"
UNKNOWN_UPLOAD: Final = Refusal(404, "unknown_upload", "There is no such upload, or not any more.")
UPLOAD_INCOMPLETE: Final = Refusal(
    409, "upload_incomplete", "The upload is not complete. Send the rest of it first."
)
UPLOAD_BUSY: Final = Refusal(
    423, "upload_busy", "Another request is at this upload. Try again shortly.", retries=True
)
# Of whatever makes a recording of an upload.
UPLOADING: Final = (UNKNOWN_UPLOAD, UPLOAD_INCOMPLETE, UPLOAD_BUSY)
WRONG_VERSION: Final = Refusal(
    412, "unsupported_tus_version", f"Send Tus-Resumable: {_VERSION}, the only version here."
)
INVALID_HEADER: Final = Refusal(400, "invalid_upload_header", "A header of the upload is wrong.")
WRONG_OFFSET: Final = Refusal(
    409, "wrong_offset", "The upload is not there: ask where by HEAD, and go on from it."
)

# Whatever sends a part.
_PART_REFUSED: Final = (
    WRONG_VERSION,
    INVALID_HEADER,
    UNKNOWN_UPLOAD,
    WRONG_OFFSET,
    UPLOAD_BUSY,
    FILE_TOO_LARGE,
    TOO_MANY_UPLOADS,
    INTAKE_UNAVAILABLE,
    UNSUPPORTED_MEDIA_TYPE,
    BODY_TIMEOUT,
    BATCH_OFF,
)


UploadId = Annotated[str, told("An upload's id.", UPLOAD_EXAMPLE, format="uuid")]
_Version = Annotated[
    str, told("The version of tus.", _VERSION, pattern=rf"^{re.escape(_VERSION)}$")
]
_Bytes = Annotated[str, told("A number of bytes.", "0", pattern=r"^[0-9]{1,15}$")]
_Metadata = Annotated[
    str,
    told("As tus has it: pairs of a key and base64; `filename` is kept.", "filename dGFsay5tcDM="),
]
_Until = Annotated[str, told("When it is given up.", "Sun, 01 Mar 2026 12:00:00 GMT")]
_TUS: Final = {"Tus-Resumable": _Version}
_POLICY: Final = BodyPolicy(
    # The deadline is for each 64 KiB; the whole takes as long as it takes.
    bytes_max=CEILING_BYTES,
    seconds=30,
    streamed=True,
    # For the disk to have it for good.
    answer_seconds=60,
)


@blueprint.after_request
async def say_version(response: Response) -> Response:
    """Every answer says which version it speaks."""
    response.headers["Tus-Resumable"] = _VERSION
    response.headers["Cache-Control"] = "no-store"
    if response.status_code == WRONG_VERSION.status:
        response.headers["Tus-Version"] = _VERSION
    return response


@blueprint.route("", methods=["OPTIONS"])
@undescribed("what clients of tus ask first; the creation's description says the same")
@exempt("says what the documents say, and costs nothing")
async def offers() -> Response:
    """What of tus there is."""
    response = Response(b"", status=204)
    response.headers["Tus-Version"] = _VERSION
    response.headers["Tus-Extension"] = _EXTENSIONS
    response.headers["Tus-Max-Size"] = str(open_batch().upload_bytes_max)
    return response


@blueprint.post("")
@authorised(Scope.BATCH)
@described(
    Topic.RECORDINGS,
    headers={**_TUS, "Upload-Length": _Bytes},
    may_have={"Upload-Metadata": _Metadata},
    gives={
        201: Answer(
            "Send it there.",
            None,
            headers={
                "Location": Annotated[
                    str, told("Its address.", f"/api/v1/uploads/{UPLOAD_EXAMPLE}")
                ],
                "Upload-Expires": _Until,
            },
        )
    },
    refuses=(
        WRONG_VERSION,
        INVALID_HEADER,
        FILE_TOO_LARGE,
        DISK_FULL,
        TOO_MANY_UPLOADS,
        INTAKE_UNAVAILABLE,
        BATCH_OFF,
    ),
    more="[tus 1.0](https://tus.io/protocols/resumable-upload) with creation, termination and "
    "expiration: use one of its clients. `HEAD` of the address tells `Upload-Offset`; complete, "
    "its id is the field `upload` of `POST /api/v1/transcribe`. Room for the whole is taken now.",
)
async def create(principal: Principal) -> Response:
    """Begin an upload that may be interrupted."""
    batch = open_batch()
    _refuse_version()
    size_bytes = _number("Upload-Length")
    if size_bytes == 0:
        raise INVALID_HEADER.problem("Upload-Length is 0: there is nothing to transcribe.")
    if size_bytes > batch.upload_bytes_max:
        raise file_too_large(batch.upload_bytes_max)
    name = clean_name(_filename())
    with translated():
        upload = await batch.uploads.create(principal.user_id, name, size_bytes)
    if upload is None:
        raise TOO_MANY_UPLOADS.problem(
            "Too many uploads are not handed in yet. Hand them in, or delete them.",
            retry_after_seconds=AGAIN_SECONDS,
        )
    log.info("upload begun", upload=upload.id, user=upload.user_id, bytes=size_bytes)
    response = Response(b"", status=201)
    response.headers["Location"] = f"{blueprint.url_prefix}/{upload.id}"
    return _expiring(response, upload)


@blueprint.route("/<upload_id>", methods=["HEAD"])
@authorised(Scope.BATCH)
@undescribed("its answers have no bodies; the creation's description says what it tells")
async def head(principal: Principal, upload_id: str) -> Response:
    """How far an upload is."""
    batch = open_batch()
    _refuse_version()
    upload = await batch.uploads.find(principal.user_id, identity(upload_id, UNKNOWN_UPLOAD))
    if upload is None:
        raise UNKNOWN_UPLOAD.problem()
    response = _expiring(Response(b"", status=200), upload)
    response.headers["Upload-Length"] = str(upload.size_bytes)
    return _at(response, upload)


@blueprint.patch("/<upload_id>")
@authorised(Scope.BATCH)
@described(
    Topic.RECORDINGS,
    path={"upload_id": UploadId},
    headers={**_TUS, "Upload-Offset": _Bytes},
    takes=Body(None, parsed=False, policy=_POLICY, content_type=_PATCH_TYPE),
    gives={
        204: Answer(
            "So far it is.", None, headers={"Upload-Offset": _Bytes, "Upload-Expires": _Until}
        )
    },
    refuses=_PART_REFUSED,
    more="The bytes that begin at `Upload-Offset`, as many as there are. Whatever interrupts it, "
    "what came is kept, but for the last moment of it: `HEAD` tells.",
)
async def append(principal: Principal, upload_id: str) -> Response:
    """Send the next part of an upload."""
    return await _append(principal, upload_id)


async def _append(principal: Principal, upload_id: str) -> Response:
    batch = open_batch()
    _refuse_version()
    if request.mimetype != _PATCH_TYPE:
        raise UNSUPPORTED_MEDIA_TYPE.problem(f"Send it with Content-Type: {_PATCH_TYPE}.")
    offset_bytes = _number("Upload-Offset")
    asked = identity(upload_id, UNKNOWN_UPLOAD)
    async with place(principal.user_id):
        with translated(), refused_uploads():
            async with batch.uploads.arriving(principal.user_id, asked) as arrival:
                if arrival.upload.offset_bytes != offset_bytes:
                    raise WRONG_OFFSET.problem()
                await _take(arrival)
    log.info("upload goes on", upload=asked, bytes=arrival.upload.offset_bytes)
    return _at(_expiring(Response(b"", status=204), arrival.upload), arrival.upload)


@blueprint.delete("/<upload_id>")
@authorised(Scope.BATCH)
@described(
    Topic.RECORDINGS,
    path={"upload_id": UploadId},
    headers=_TUS,
    gives={204: Answer("It is gone.", None)},
    refuses=(WRONG_VERSION, UNKNOWN_UPLOAD, INTAKE_UNAVAILABLE, BATCH_OFF),
)
async def terminate(principal: Principal, upload_id: str) -> Response:
    """Give an upload up."""
    return await _terminate(principal, upload_id)


async def _terminate(principal: Principal, upload_id: str) -> Response:
    batch = open_batch()
    _refuse_version()
    with translated():
        found = await batch.uploads.remove(principal.user_id, identity(upload_id, UNKNOWN_UPLOAD))
    if not found:
        raise UNKNOWN_UPLOAD.problem()
    return Response(b"", status=204)


@blueprint.post("/<upload_id>")
@authorised(Scope.BATCH)
@described(
    Topic.RECORDINGS,
    path={"upload_id": UploadId},
    headers={
        **_TUS,
        _OVERRIDE: Annotated[
            str, told("What is meant: PATCH or DELETE.", "PATCH", pattern="^(PATCH|DELETE)$")
        ],
    },
    may_have={"Upload-Offset": _Bytes},
    takes=Body(None, required=False, parsed=False, policy=_POLICY, content_type=_PATCH_TYPE),
    gives={204: Answer("It is done.", None)},
    refuses=_PART_REFUSED,
)
async def instead(principal: Principal, upload_id: str) -> Response:
    """Send a part or give up, for who can send neither PATCH nor DELETE."""
    match request.headers.get(_OVERRIDE, "").strip().upper():
        case "PATCH":
            return await _append(principal, upload_id)
        case "DELETE":
            return await _terminate(principal, upload_id)
        case _:
            raise INVALID_HEADER.problem(f"{_OVERRIDE} must be PATCH or DELETE.")


@contextmanager
def refused_uploads() -> Iterator[None]:
    """What an upload may not be ready for, as a refusal."""
    try:
        yield
    except UploadGone:
        raise UNKNOWN_UPLOAD.problem() from None
    except UploadUnfinished:
        raise UPLOAD_INCOMPLETE.problem() from None
    except UploadTooLarge:
        raise file_too_large(open_batch().upload_bytes_max) from None
    except UploadBusy:
        raise UPLOAD_BUSY.problem(retry_after_seconds=AGAIN_SECONDS) from None


async def _take(arrival: Arrival) -> None:
    while part := await take_part():
        if len(part) > arrival.left_bytes:
            raise FILE_TOO_LARGE.problem("There is more of it than Upload-Length said.")
        await arrival.write(part)


def _refuse_version() -> None:
    if request.headers.getlist("Tus-Resumable") != [_VERSION]:
        raise WRONG_VERSION.problem()


def _number(name: str) -> int:
    values = request.headers.getlist(name)
    if len(values) != 1 or not _NUMBER.fullmatch(values[0]):
        raise INVALID_HEADER.problem(f"{name} must be a number of bytes.")
    return int(values[0])


def _filename() -> str:
    """What Upload-Metadata calls the file, in UTF-8; nothing where it doesn't."""
    found = {}
    for pair in filter(None, ",".join(request.headers.getlist("Upload-Metadata")).split(",")):
        key, _, value = pair.strip().partition(" ")
        try:
            found[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, ValueError):
            raise INVALID_HEADER.problem(
                "Upload-Metadata must be pairs of a key and base64."
            ) from None
    return found.get("filename") or found.get("name", "")


def _expiring(response: Response, upload: Upload) -> Response:
    response.headers["Upload-Expires"] = format_datetime(
        upload.expires_at.astimezone(dt.UTC), usegmt=True
    )
    return response


def _at(response: Response, upload: Upload) -> Response:
    response.headers["Upload-Offset"] = str(upload.offset_bytes)
    return response
