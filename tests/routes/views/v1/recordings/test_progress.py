"""GET /api/v1/transcriptions/:id/events."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
import trio
import trio.testing

from relayd.quotas.counters import Counters
from relayd.routes.toolkit.event_stream import LASTING_SECONDS
from relayd.routes.views.v1.recordings.progress import ProgressStream
from relayd.transcriptions.outcomes import State
from tests.fakes.transcriptions import NOW
from tests.routes.recording import Studio, open_studio
from tests.routes.world import refusal


@pytest.fixture
async def studio() -> AsyncIterator[Studio]:
    """Somebody who may hand recordings in."""
    with open_studio() as made:
        yield await made.sign_in()


def stream(studio: Studio, identity: str, quotas: Counters | None = None) -> ProgressStream:
    """That of a recording."""
    recordings = studio.recordings
    standing = recordings._standing(recordings.rows[UUID(identity)])
    return ProgressStream(recordings, quotas or Counters(), standing)


def parsed(piece: bytes) -> tuple[str, Any]:
    """An event's name and data."""
    name, data = piece.decode().removesuffix("\n\n").split("\n")
    return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


async def test_the_route_tells_the_first_at_once(studio: Studio) -> None:
    """An ended one is told and over: two events."""
    body = await studio.taken()
    await studio.finish(body["id"])
    response = await studio.ask(f"/transcriptions/{body['id']}/events")
    assert response.content_type == "text/event-stream; charset=utf-8"
    told = (await response.get_data(as_text=True)).split("\n\n")
    assert parsed(told[0].encode())[1]["status"] == "completed"
    assert told[1:] == ["event: end\ndata: {}", ""]


async def test_every_change_is_told_until_the_end(
    studio: Studio, autojump_clock: trio.testing.MockClock
) -> None:
    """Waiting, under way, done; what doesn't change is not repeated."""
    identity = (await studio.taken())["id"]
    told = []
    async with stream(studio, identity) as events, trio.open_nursery() as nursery:

        async def work() -> None:
            for second in range(1, 4):
                await trio.sleep_until(second * 10)
                studio.recordings.change(
                    UUID(identity), state=State.RUNNING, started_at=NOW, done_ms=second * 6150
                )
            await trio.sleep_until(40)
            studio.recordings.finish(UUID(identity), "results/1")

        nursery.start_soon(work)
        told = [parsed(piece) async for piece in events if not piece.startswith(b":")]
    assert [name for name, _ in told] == ["status"] * 5 + ["end"]
    assert [one["progress_percent"] for _, one in told[:-1]] == [0, 10, 20, 30, 100]
    assert trio.current_time() < 42


async def test_it_ends_within_a_minute(
    studio: Studio, autojump_clock: trio.testing.MockClock
) -> None:
    """With signs of life until then, and without an end: its reader comes again."""
    identity = (await studio.taken())["id"]
    async with stream(studio, identity) as events:
        told = [piece async for piece in events]
    assert told[0].startswith(b"event: status")
    assert told[1:] == [b": still here\n\n"] * 3
    assert trio.current_time() <= LASTING_SECONDS + 1


async def test_it_ends_with_the_recording(
    studio: Studio, autojump_clock: trio.testing.MockClock
) -> None:
    """One that is deleted is over; while the database is away its reader has to come again."""
    identity = (await studio.taken())["id"]
    async with stream(studio, identity) as events:
        await anext(events)
        await studio.recordings.delete(
            studio.recordings.rows[UUID(identity)].user_id, UUID(identity)
        )
        assert await anext(events) == b"event: end\ndata: {}\n\n"
        with pytest.raises(StopAsyncIteration):
            await anext(events)
    other = (await studio.taken())["id"]
    async with stream(studio, other) as events:
        await anext(events)
        studio.recordings.reachable = False
        with pytest.raises(StopAsyncIteration):
            await anext(events)


async def test_places_are_counted_and_given_back(studio: Studio) -> None:
    """A user has sixteen streams at once; one that is over makes room."""
    identity = (await studio.taken())["id"]
    quotas = Counters()
    streams = [stream(studio, identity, quotas) for _ in range(17)]
    for one in streams:
        await one.__aenter__()
    with pytest.raises(StopAsyncIteration):
        await anext(streams[16])
    for one in streams:
        await one.__aexit__(None, None, None)
    assert not quotas.count("progress")


async def test_what_is_not_there_has_no_stream(studio: Studio) -> None:
    """404 and 410, as everywhere."""
    response = await studio.ask(f"/transcriptions/{UUID(int=1)}/events")
    assert await refusal(response) == (404, "unknown_transcription")
    identity = (await studio.taken())["id"]
    await studio.ask(f"/transcriptions/{identity}", "DELETE")
    response = await studio.ask(f"/transcriptions/{identity}/events")
    assert await refusal(response) == (410, "deleted")
