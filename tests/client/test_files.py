"""Recordings handed in whole, against the real routes on fakes; under Trio, and under asyncio."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import trio.testing

from relayd.client.errors import ConnectError, DisconnectedError, RequestError
from relayd.client.files import Job, JobFailed, open_files
from tests.routes.recording import SOUND, Studio, open_studio

URL = "http://relayd.test"
Answer = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
async def studio() -> AsyncIterator[Studio]:
    """Somebody who may hand recordings in."""
    with open_studio() as made:
        yield await made.sign_in()


def routes(studio: Studio) -> httpx.AsyncBaseTransport:
    """To its app, without a socket."""
    return httpx.ASGITransport(studio.world.app, client=("203.0.113.7", 50_000))  # type: ignore[arg-type]


def talk(path: Path) -> Path:
    """A recording on the disk."""
    file = path / "talk.mp3"
    file.write_bytes(SOUND)
    return file


async def test_a_file_is_sent_waited_for_and_read(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what is wanted of it; whoever waits hears how it stands."""
    monkeypatch.setattr("relayd.client.files._POLLS_SECONDS", (0.0,))
    async with open_files(URL, studio.token, routes(studio)) as files:
        sent = await files.send(talk(tmp_path), model="tiny.en", format="srt", metadata='{"a": 1}')
        assert (sent.status, sent.model, sent.position) == ("queued", "Tiny.EN", 1)
        assert sent.metadata == {"a": 1}
        heard: list[str] = []

        def told(job: Job) -> None:
            heard.append(job.status)
            if len(heard) == 3:
                studio.recordings.finish(UUID(job.id), f"results/{job.id}")

        await studio.store.put(f"results/{sent.id}", json.dumps({"text": "four score"}).encode())
        done = await files.wait(sent.id, told)
        assert heard == ["queued", "queued", "queued", "completed"]
        assert done.cost_seconds == 62
        assert await files.words(sent.id) == "srt: four score\n"
        assert await files.words(sent.id, "txt") == "txt: four score\n"


async def test_what_one_has(studio: Studio, tmp_path: Path) -> None:
    """Listed newest first, called off, deleted."""
    async with open_files(URL, studio.token, routes(studio)) as files:
        first = await files.send(talk(tmp_path))
        second = await files.fetch("https://example.com/a.mp3", model="default")
        assert [one.id for one in await files.recent()] == [second.id, first.id]
        assert (await files.cancel(first.id)).status == "cancelled"
        assert [one.id for one in await files.recent(status="cancelled")] == [first.id]
        await files.delete(first.id)
        with pytest.raises(RequestError) as raised:
            await files.status(first.id)
        assert (raised.value.status, raised.value.code) == (410, "deleted")


async def test_the_same_key_is_the_same_recording(studio: Studio, tmp_path: Path) -> None:
    """An app that crashed sends it once more and pays once."""
    async with open_files(URL, studio.token, routes(studio)) as files:
        first = await files.send(talk(tmp_path), idempotency_key="talk-7")
        assert (await files.send(talk(tmp_path), idempotency_key="talk-7")).id == first.id


def scripted(*answers: httpx.Response | Exception) -> httpx.MockTransport:
    """A server that answers like this, one after the other."""
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        one = left.pop(0)
        if isinstance(one, Exception):
            raise one
        return one

    return httpx.MockTransport(answer)


async def test_a_busy_server_is_asked_again(autojump_clock: trio.testing.MockClock) -> None:
    """A question is repeated after the time that the server names; at last it is a refusal."""
    busy = httpx.Response(
        503, headers={"Retry-After": "5"}, json={"error": {"code": "a", "message": "b"}}
    )
    transport = scripted(busy, httpx.Response(200, json={"transcriptions": []}), *[busy] * 5)
    async with open_files(URL, "token", transport) as files:
        assert await files.recent() == []
        assert trio.current_time() == 5
        with pytest.raises(RequestError) as raised:
            await files.recent()
        assert (raised.value.code, raised.value.retry_after_seconds) == ("a", 5)


async def test_what_is_no_relay(tmp_path: Path) -> None:
    """Said in the client's own words, whatever answers or doesn't."""
    for answer, kind in (
        (httpx.Response(200, text="<html>"), DisconnectedError),
        (httpx.Response(200, json=[1]), DisconnectedError),
        (httpx.Response(200, json={"id": 1}), DisconnectedError),
        (httpx.Response(418, text="teapot"), RequestError),
        (httpx.ConnectError("no"), ConnectError),
        (httpx.ReadError("cut"), DisconnectedError),
    ):
        async with open_files(URL, "token", scripted(answer)) as files:
            with pytest.raises(kind):
                await files.send(talk(tmp_path))


def test_under_asyncio(tmp_path: Path) -> None:
    """An app of asyncio's uses it as it stands."""
    body = {
        "id": "1",
        "status": "completed",
        "model": "default",
        "format": "txt",
        "name": "talk.mp3",
        "duration_seconds": 1.0,
        "cost_seconds": 1.0,
        "position": None,
        "starts_in_seconds": None,
        "ends_in_seconds": None,
        "progress_percent": 100.0,
        "metadata": {},
        "error": None,
        "created_at": "2026-03-01T12:00:00+00:00",
    }
    file = talk(tmp_path)

    async def main() -> str:
        waiting = httpx.Response(200, json=body | {"status": "queued", "position": 1})
        transport = scripted(
            httpx.Response(202, json=body | {"status": "queued"}),
            waiting,
            httpx.Response(200, json=body),
            httpx.Response(200, text="four score\n"),
        )
        async with open_files(URL, "token", transport) as files:
            sent = await files.send(file)
            done = await files.wait(sent.id)
            return await files.words(done.id)

    assert asyncio.run(main()) == "four score\n"


def test_a_failure_is_a_refusal() -> None:
    """Whoever catches `RequestError` catches it, with the reason's code."""
    failed = JobFailed(409, "broken", "The file is broken.")
    assert (failed.code, str(failed)) == ("broken", "The file is broken.")
