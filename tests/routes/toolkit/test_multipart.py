"""Forms with a file: taken piece by piece, wherever the pieces are cut."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from quart_trio import QuartTrio

from relayd.errors import StorageFull
from relayd.routes.toolkit import multipart
from relayd.routes.toolkit.multipart import MultipartForm
from relayd.routes.toolkit.problems import Problem
from relayd.storage.spool import Spool, SpoolFile

BOUNDARY = "----b0und4ry"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"


def field(name: str, value: bytes) -> bytes:
    """A field as a part."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
    return head.encode() + value + b"\r\n"


def file(content: bytes, filename: str = "talk.mp3", name: str = "file") -> bytes:
    """A file as a part."""
    about = f'form-data; name="{name}"; filename="{filename}"'
    head = f"--{BOUNDARY}\r\nContent-Disposition: {about}\r\nContent-Type: audio/mpeg\r\n\r\n"
    return head.encode() + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    """A whole body."""
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


@attrs.frozen
class Taken:
    """What came of a body."""

    filename: str | None
    fields: dict[str, str]
    # The fields that were known before the file.
    early: dict[str, str]
    digest: bytes


async def take(
    path: Path,
    body: bytes,
    *,
    piece: int = 16_384,
    bytes_max: int = 1_000_000,
    content_type: str = TYPE,
) -> Taken | Problem:
    """Take this body, in pieces of this size."""
    app = QuartTrio("test")
    pieces = [body[start : start + piece] for start in range(0, len(body), piece)]

    async def next_piece() -> bytes:
        await trio.lowlevel.checkpoint()
        return pieces.pop(0) if pieces else b""

    spool = Spool(path / "spool", 0, trio.CapacityLimiter(1))
    async with app.test_request_context("/", method="POST", headers={"Content-Type": content_type}):
        multipart.take_part, usual = next_piece, multipart.take_part  # type: ignore[attr-defined]
        try:
            async with spool.file(len(body)) as spooled:
                taken = MultipartForm.of_request(spooled, bytes_max)
                await taken.begin()
                early = dict(taken.fields)
                await taken.finish()
                return Taken(taken.filename, taken.fields, early, spooled.sha256)
        except Problem as problem:
            return problem
        finally:
            multipart.take_part = usual  # type: ignore[attr-defined]


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 100, 16_384, 10**6])
async def test_a_form_is_taken_wherever_it_is_cut(tmp_path: Path, piece: int) -> None:
    """Fields, early ones early, and the very bytes of the file, even such that look like an end."""
    content = (
        bytes(range(256)) * (20 if piece < 100 else 2000)
        + f"\r\n--{BOUNDARY[:-1]}\r\n\r\n--".encode()
    )
    body = form(field("model", b"Tiny"), file(content), field("language", "ä".encode()))
    taken = await take(tmp_path, body, piece=piece)
    assert isinstance(taken, Taken)
    assert taken.filename == "talk.mp3"
    assert taken.early == {"model": "Tiny"}
    assert taken.fields == {"model": "Tiny", "language": "ä"}
    assert taken.digest == hashlib.sha256(content).digest()


TOO_MUCH: list[Callable[[], bytes]] = [
    lambda: form(field("prompt", b"x" * 100_000), file(b"")),
    lambda: form(*(field(f"f{number}", b"") for number in range(40)), file(b"")),
]
BROKEN = [
    b"",
    b"no form at all",
    form(file(b"sound"))[:-20],
    form(field("model", b"a"), field("model", b"b"), file(b"")),
    form(field("model", b"\xff"), file(b"")),
    form(field("file", b"sound")),
    form(file(b"one"), file(b"two")),
    form(b"--" + BOUNDARY.encode() + b"\r\nContent-Type: text/plain\r\n\r\nx\r\n"),
    form(b"--" + BOUNDARY.encode() + b"\r\nContent-Disposition: form-data\r\n\r\nx\r\n"),
    *(made() for made in TOO_MUCH),
]


@pytest.mark.parametrize("body", BROKEN, ids=range(len(BROKEN)))
async def test_what_is_no_such_form_is_refused(tmp_path: Path, body: bytes) -> None:
    """With what is wrong, and nothing of it stays."""
    problem = await take(tmp_path, body)
    assert isinstance(problem, Problem)
    assert (problem.code, problem.label) == (400, "malformed_form")
    assert not list((tmp_path / "spool").iterdir())


async def test_a_file_beyond_its_bound_is_refused(tmp_path: Path) -> None:
    """However the body is sent: what was announced is another's to judge."""
    problem = await take(tmp_path, form(file(b"x" * 2000)), bytes_max=1999)
    assert isinstance(problem, Problem)
    assert (problem.code, problem.label) == (413, "file_too_large")
    assert "1,999" in problem.message


async def test_a_disk_that_runs_full_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """507, and nothing of the file stays."""

    async def full(_file: SpoolFile, _part: bytes) -> None:
        raise StorageFull("full")

    monkeypatch.setattr(SpoolFile, "write", full)
    problem = await take(tmp_path, form(file(b"sound")))
    assert isinstance(problem, Problem)
    assert (problem.code, problem.label) == (507, "storage_full")
    assert not list((tmp_path / "spool").iterdir())


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=é"])
async def test_a_form_without_its_boundary(tmp_path: Path, kind: str) -> None:
    """Clients that set the header by hand forget it; the refusal says so."""
    problem = await take(tmp_path, form(file(b"sound")), content_type=kind)
    assert isinstance(problem, Problem)
    assert "boundary" in problem.message


PIECES: Any = st.sampled_from(
    [BOUNDARY.encode(), b"--", b"\r\n", b"\r", b"\n", b'; name="file"; filename="a"', b"\xff", b":"]
) | st.binary(max_size=4)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(PIECES, max_size=30), cut=st.integers(1, 40), whole=st.booleans())
def test_no_body_is_a_fault(tmp_path: Path, parts: list[bytes], cut: int, whole: bool) -> None:
    """Whatever is sent is a form or a refusal."""
    body = b"".join(parts)
    if whole:
        body = file(body) + field("x", body) + body
    found = trio.run(lambda: take(tmp_path, body, piece=cut))
    assert isinstance(found, Taken) or found.code == 400
