"""How each refusal of uploads in several requests comes about: for `tests.routes.refusing`."""

import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import attrs
from quart import Response

from relayd.intake import uploads
from relayd.quotas.limits import Cap
from relayd.routes.toolkit.wiring import Batch
from relayd.storage.spool import Spool
from tests.routes.recording import SOUND, Studio, open_studio
from tests.routes.world import services_of

__all__ = ["UPLOADING", "begun_upload", "part_headers"]

Scenario = Callable[[Any], Awaitable[Response]]
TUS: Final = {"Tus-Resumable": "1.0.0"}


def part_headers(offset_bytes: int = 0) -> dict[str, str]:
    """Of a request that goes on there."""
    kind = {"Content-Type": "application/offset+octet-stream"}
    return {**TUS, **kind, "Upload-Offset": str(offset_bytes)}


async def begun_upload(studio: Studio) -> str:
    """The path of one of which nothing has come, below /api/v1."""
    response = await begin(studio)
    assert response.status_code == 201
    return response.headers["Location"].removeprefix("/api/v1")


async def begin(studio: Studio, **headers: str) -> Response:
    """Ask for room."""
    given = {**TUS, "Upload-Length": str(len(SOUND))} | headers
    return await studio.ask("/uploads", "POST", headers=given)


async def ask(call: Any, studio: Studio, path: str, **headers: str) -> Response:
    """The call's own request, about this upload."""
    if call.path.endswith("/direct-uploads"):
        return await studio.ask("/direct-uploads", "POST")
    if call.path.endswith("{upload_id}") and call.method in {"PATCH", "POST"}:
        given = part_headers() | {"X-HTTP-Method-Override": "PATCH"} | headers
        return await studio.ask(path, call.method, data=SOUND, headers=given)
    if call.method == "DELETE":
        return await studio.ask(path, "DELETE", headers=TUS | headers)
    if call.path.endswith("/transcribe"):
        return await studio.ask("/transcribe", "POST", json={"upload": path.rpartition("/")[2]})
    return await begin(studio, **headers)


def saying(**headers: str) -> Scenario:
    """With other headers than are right."""

    async def scenario(call: Any) -> Response:
        with open_studio() as studio:
            await studio.sign_in()
            path = await begun_upload(studio)
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            return await ask(call, studio, path, **given)

    return scenario


def after(change: Callable[[Studio], object]) -> Scenario:
    """In a studio in which something went wrong since the upload began."""

    async def scenario(call: Any) -> Response:
        with open_studio() as studio:
            await studio.sign_in()
            path = await begun_upload(studio)
            change(studio)
            return await ask(call, studio, path)

    return scenario


async def unknown(call: Any) -> Response:
    """An upload that is nobody's."""
    with open_studio() as studio:
        await studio.sign_in()
        return await ask(call, studio, f"/uploads/{UUID(int=7)}")


async def busy(call: Any) -> Response:
    """Another request is at it."""
    with open_studio() as studio:
        await studio.sign_in()
        path = await begun_upload(studio)
        async with batch_of(studio).uploads.files.held(UUID(path.rpartition("/")[2])):
            return await ask(call, studio, path)


async def too_many(call: Any) -> Response:
    """So many aren't handed in yet."""
    with open_studio() as studio:
        await studio.sign_in()
        for _ in range(uploads.UPLOADS_MAX):
            await begun_upload(studio)
        return await begin(studio)


async def crowded(call: Any) -> Response:
    """All places are taken."""
    with open_studio() as studio:
        await studio.sign_in()
        path = await begun_upload(studio)
        quotas = services_of(studio.world.app).quotas
        for _ in range(64):
            assert await quotas.enter((Cap("uploads", 64),)) is None
        return await ask(call, studio, path)


async def a_full_disk(call: Any) -> Response:
    """No room, by the spool's own judgement."""
    with open_studio() as studio:
        await studio.sign_in()
        files = batch_of(studio).uploads.files
        fuller = Spool(studio.directory / "spool", 1 << 60, files.spool.limiter)
        object.__setattr__(files, "spool", fuller)
        return await begin(studio)


def lose_disk(studio: Studio) -> None:
    """What was a folder is none any more."""
    shutil.rmtree(studio.directory / "spool")
    Path(studio.directory / "spool").touch()


def batch_of(studio: Studio) -> Batch:
    """What takes recordings."""
    batch = services_of(studio.world.app).batch
    assert batch is not None
    return batch


UPLOADING: Final[dict[str, Scenario]] = {
    "no_direct_uploads": after(lambda _: None),
    "v1_direct_uploads_direct intake_unavailable": after(
        lambda studio: setattr(studio.store, "away", True)
    ),
    "unsupported_tus_version": saying(Tus_Resumable="0.2.2"),
    "invalid_upload_header": saying(Upload_Length="x", Upload_Offset="x"),
    "unknown_upload": unknown,
    "upload_incomplete": after(lambda _: None),
    "upload_busy": busy,
    "wrong_offset": saying(Upload_Offset="7"),
    "v1_uploads_append unsupported_media_type": saying(Content_Type="audio/mpeg"),
    "v1_uploads_append file_too_large": after(
        lambda studio: [
            studio.uploads.rows.update({one.id: attrs.evolve(one, size_bytes=1)})
            for one in list(studio.uploads.rows.values())
        ]
    ),
    "v1_uploads_append too_many_uploads": crowded,
    "v1_uploads_create file_too_large": saying(Upload_Length="100001"),
    "v1_uploads_create too_many_uploads": too_many,
    "v1_uploads_create storage_full": a_full_disk,
    "v1_uploads_create intake_unavailable": after(lose_disk),
    "v1_uploads_append intake_unavailable": after(lose_disk),
    "v1_uploads_terminate intake_unavailable": after(lose_disk),
}
