"""/api/v1/uploads, in the words of tus 1.0."""

from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from quart import Response

from tests.routes.recording import SOUND, Studio, open_studio
from tests.routes.world import refusal

TUS = {"Tus-Resumable": "1.0.0"}
NAME = f"filename {b64encode('tälk.mp3'.encode()).decode()},filetype {b64encode(b'audio').decode()}"


@pytest.fixture
async def studio() -> AsyncIterator[Studio]:
    """Somebody who may hand recordings in."""
    with open_studio() as made:
        yield await made.sign_in()


async def begin(studio: Studio, headers: dict[str, str], size_bytes: int = len(SOUND)) -> Response:
    """Ask for room."""
    given = {**TUS, "Upload-Length": str(size_bytes), "Upload-Metadata": NAME} | headers
    return await studio.ask("/uploads", "POST", headers=given)


async def begun(studio: Studio, size_bytes: int = len(SOUND)) -> str:
    """The path of one, below /api/v1."""
    response = await begin(studio, {}, size_bytes)
    assert response.status_code == 201, await response.get_data()
    return response.headers["Location"].removeprefix("/api/v1")


async def send(studio: Studio, path: str, part: bytes, offset: int, **headers: str) -> Response:
    """One part."""
    given = {
        **TUS,
        "Upload-Offset": str(offset),
        "Content-Type": "application/offset+octet-stream",
    } | headers
    return await studio.ask(path, "PATCH", data=part, headers=given)


async def test_what_is_offered(studio: Studio) -> None:
    """A client asks first, without a token."""
    response = await studio.world.ask("/api/v1/uploads", "OPTIONS")
    assert response.status_code == 204
    assert response.headers["Tus-Version"] == response.headers["Tus-Resumable"] == "1.0.0"
    assert response.headers["Tus-Extension"] == "creation,termination,expiration"
    assert response.headers["Tus-Max-Size"] == "100000"


async def test_in_two_parts(studio: Studio) -> None:
    """Begun, sent, asked about, sent on, and made a recording of its own name and id."""
    path = await begun(studio)
    first = await send(studio, path, SOUND[:1000], 0)
    assert (first.status_code, first.headers["Upload-Offset"]) == (204, "1000")
    assert first.headers["Upload-Expires"].endswith(" GMT")
    asked = await studio.ask(path, "HEAD", headers=TUS)
    assert asked.status_code == 200
    assert (asked.headers["Upload-Offset"], asked.headers["Upload-Length"]) == (
        "1000",
        str(len(SOUND)),
    )
    assert asked.headers["Cache-Control"] == "no-store"
    last = await send(studio, path, SOUND[1000:], 1000)
    assert last.headers["Upload-Offset"] == str(len(SOUND))

    identity = path.rpartition("/")[2]
    response = await studio.ask(
        "/transcribe", "POST", json={"upload": identity, "format": "srt", "model": "default"}
    )
    assert response.status_code == 202
    body = await response.get_json()
    assert (body["id"], body["name"], body["format"]) == (identity, "tälk.mp3", "srt")
    assert studio.store.objects == {f"audio/{identity}": SOUND}
    assert not studio.left


async def test_straight_to_the_store(studio: Studio) -> None:
    """Where the store has signed addresses, a file is sent to one, and handed in by its id."""
    (studio.directory / "spool").mkdir()
    studio.store.links = True
    studio.store.scratch = studio.directory / "spool"
    response = await studio.ask("/direct-uploads", "POST")
    assert response.status_code == 201
    body = await response.get_json()
    assert body["expires_in_seconds"] == 3600
    key = body["url"].removeprefix("https://store.example/").removesuffix("?PUT")
    await studio.store.put(key, SOUND)
    taken = await studio.ask("/transcribe", "POST", json={"upload": body["upload"]})
    assert (await taken.get_json())["id"] == body["upload"]
    assert studio.store.objects == {f"audio/{body['upload']}": SOUND}


async def test_by_another_method(studio: Studio) -> None:
    """Whoever can send POST alone says which method is meant."""
    path = await begun(studio)
    meant = {"X-HTTP-Method-Override": "PATCH", "Upload-Offset": "0"}
    kind = {"Content-Type": "application/offset+octet-stream"}
    part = await studio.ask(path, "POST", data=SOUND[:9], headers={**TUS, **meant, **kind})
    assert (part.status_code, part.headers["Upload-Offset"]) == (204, "9")

    other = {**TUS, "X-HTTP-Method-Override": "PUT"}
    refused = await studio.ask(path, "POST", headers=other)
    assert await refusal(refused) == (400, "invalid_upload_header")
    gone = await studio.ask(path, "POST", headers={**TUS, "X-HTTP-Method-Override": "delete"})
    assert gone.status_code == 204
    assert not studio.left


async def test_given_up(studio: Studio) -> None:
    """Nothing is left of it."""
    path = await begun(studio)
    assert (await studio.ask(path, "DELETE", headers=TUS)).status_code == 204
    assert (await studio.ask(path, "HEAD", headers=TUS)).status_code == 404
    assert not studio.left


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Tus-Resumable": "0.2.2"}, (412, "unsupported_tus_version")),
        ({"Upload-Length": "-1"}, (400, "invalid_upload_header")),
        ({"Upload-Length": "0"}, (400, "invalid_upload_header")),
        ({"Upload-Length": "1e3"}, (400, "invalid_upload_header")),
        ({"Upload-Length": "100001"}, (413, "file_too_large")),
        ({"Upload-Metadata": "filename t?lk"}, (400, "invalid_upload_header")),
        ({"Upload-Metadata": "filename /w=="}, (400, "invalid_upload_header")),
    ],
)
async def test_a_beginning_that_is_refused(
    studio: Studio, headers: dict[str, str], expected: Any
) -> None:
    """By its headers, before any room is taken; every answer says which version is spoken."""
    response = await begin(studio, headers)
    assert await refusal(response) == expected
    assert response.headers["Tus-Resumable"] == "1.0.0"
    assert not studio.left


@pytest.mark.parametrize(
    ("part", "offset", "headers", "expected"),
    [
        (SOUND, 1, {}, (409, "wrong_offset")),
        (SOUND, 0, {"Upload-Offset": "x"}, (400, "invalid_upload_header")),
        (SOUND + b"x", 0, {}, (413, "file_too_large")),
        (SOUND, 0, {"Content-Type": "audio/mpeg"}, (415, "unsupported_media_type")),
        (SOUND, 0, {"Tus-Resumable": "2"}, (412, "unsupported_tus_version")),
    ],
)
async def test_a_part_that_is_refused(
    studio: Studio, part: bytes, offset: int, headers: dict[str, str], expected: Any
) -> None:
    """What came before stays as it is."""
    path = await begun(studio)
    assert await refusal(await send(studio, path, part, offset, **headers)) == expected
    asked = await studio.ask(path, "HEAD", headers=TUS)
    assert asked.headers["Upload-Offset"] == "0"


async def test_nobodys_upload(studio: Studio) -> None:
    """An id that is nobody's, or none, is unknown everywhere."""
    for path in (f"/uploads/{uuid4()}", "/uploads/x"):
        assert (await refusal(await send(studio, path, b"x", 0)))[1] == "unknown_upload"
        assert (await studio.ask(path, "HEAD", headers=TUS)).status_code == 404
        deleted = await studio.ask(path, "DELETE", headers=TUS)
        assert (await refusal(deleted))[1] == "unknown_upload"
    for named in (str(uuid4()), "x"):
        response = await studio.ask("/transcribe", "POST", json={"upload": named})
        assert await refusal(response) == (404, "unknown_upload")


async def test_one_place(studio: Studio) -> None:
    """A recording is at a URL or in an upload: one of them, and not both."""
    both = {"upload": str(uuid4()), "url": "https://example.com/a.mp3"}
    for said, code in (({}, "missing_field"), (both, "invalid_field")):
        response = await studio.ask("/transcribe", "POST", json=said)
        assert await refusal(response) == (422, code)


async def test_not_all_of_it(studio: Studio) -> None:
    """What isn't complete is no recording yet."""
    path = await begun(studio)
    await send(studio, path, SOUND[:10], 0)
    response = await studio.ask("/transcribe", "POST", json={"upload": path.rpartition("/")[2]})
    assert await refusal(response) == (409, "upload_incomplete")
