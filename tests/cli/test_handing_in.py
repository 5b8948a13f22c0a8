"""`relayd transcribe --batch` and `relayd jobs`, against the real routes on fakes."""

import io
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import trio
import trio.lowlevel

from relayd.cli import jobs
from relayd.cli.handing_in import HandingIn, standing
from relayd.cli.toolkit.exits import Exit
from relayd.cli.toolkit.live_line import LiveLine
from relayd.client import files
from relayd.client.files import open_files
from relayd.errors import Unreadable
from tests.cli.test_transcribe import parsed
from tests.client.test_files import URL, routes, talk
from tests.routes.recording import Studio, open_studio


@pytest.fixture
async def studio() -> AsyncIterator[Studio]:
    """Somebody who may hand recordings in."""
    with open_studio() as made:
        yield await made.sign_in()


async def run(studio: Studio, path: Path, **wishes: str) -> tuple[Exit, str, str]:
    """One run: exit code, standard output, standard error."""
    out, err = io.StringIO(), io.StringIO()

    async def sign_in() -> str:
        return studio.token

    job = HandingIn(
        server_url=URL,
        sign_in=sign_in,
        path=path,
        wishes=wishes,
        output=out,
        line=LiveLine(err),
        transport=routes(studio),
    )
    return await job.run(), out.getvalue(), err.getvalue()


async def test_words_come_out(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the format that was asked for, and what it cost beside them."""
    monkeypatch.setattr(files, "_POLLS_SECONDS", (0.0,))

    async def work() -> None:
        while not studio.recordings.rows:
            await trio.lowlevel.checkpoint()
        (identity,) = studio.recordings.rows
        await studio.finish(str(identity))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(work)
        code, out, err = await run(studio, talk(tmp_path), format="srt")
    assert (code, out) == (Exit.OK, "srt: four score\n")
    assert "61.5 s of audio cost 62 s" in err


async def test_a_refusal_is_an_exit_code(studio: Studio, tmp_path: Path) -> None:
    """With the server's own words, which say what to do."""
    studio.ruler.fault = Unreadable("no_audio", "There is no sound in the file.")
    code, out, err = await run(studio, talk(tmp_path))
    assert (code, out) == (Exit.NOT_WELL, "")
    assert "There is no sound in the file. (no_audio)" in err


async def test_a_server_that_is_not_there(studio: Studio, tmp_path: Path) -> None:
    """3, as for every command that can't reach something."""

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no")

    err = io.StringIO()

    async def sign_in() -> str:
        return "token"

    job = HandingIn(
        server_url=URL,
        sign_in=sign_in,
        path=talk(tmp_path),
        wishes={},
        output=io.StringIO(),
        line=LiveLine(err),
        transport=httpx.MockTransport(refuse),
    )
    assert await job.run() is Exit.UNREACHABLE
    assert "can't connect" in err.getvalue()


async def test_a_line_for_each(studio: Studio) -> None:
    """Place, progress or reason; a name can't act on the terminal."""
    async with open_files(URL, studio.token, routes(studio)) as opened:
        waiting = await studio.taken()
        studio.recordings.change(UUID(waiting["id"]), name="talk\x1b[2J.mp3")
        job = await opened.status(waiting["id"])
        assert standing(job) == "waiting, number 1, begins in about 0:00"
        line = jobs.shown([job])
        assert "\x1b" not in line
        assert line.startswith(f"{waiting['id']}      1:01  waiting, number 1")
    assert jobs.shown([]) == "no recordings\n"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["-", "--batch"], "takes a FILE"),
        (["--batch", "--microphone"], "takes a FILE"),
        (["/nowhere/a.mp3", "--batch"], "there is no file"),
        (["a.mp3", "--format", "vtt"], "is for --batch"),
    ],
)
def test_wrong_usage(
    arguments: list[str],
    problem: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Said before anything is asked of anybody."""
    monkeypatch.setenv("RELAYD_TOKEN", "token")
    options = parsed(*arguments)
    with pytest.raises(SystemExit):
        options.run(options)
    assert problem in capsys.readouterr().err


def test_a_format_in_any_case() -> None:
    """As on the server."""
    assert parsed("a.mp3", "--batch", "--format", "SRT").format == "srt"
