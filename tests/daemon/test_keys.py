"""A key of a program's from its making to its end, on a whole daemon."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import trio

from relayd import config, daemon
from relayd.client import messages
from relayd.client.session import Stream, open_stream
from tests.daemon.conftest import Settings
from tests.daemon.test_working import spoken
from tests.session.audio import frame

pytestmark = pytest.mark.system

START_SECONDS = 60
FLUSH_SECONDS = 2.0
SPOKEN_MOST = 600
CREDENTIALS = {"email": "grace@example.org", "password": "battery staple 7"}


@asynccontextmanager
async def served(configuration: config.Config) -> AsyncIterator[str]:
    """Where it listens."""
    stop = trio.Event()
    async with trio.open_nursery() as nursery:

        async def serve(task_status: trio.TaskStatus[str]) -> None:
            await daemon.run(configuration, started=task_status.started, stop=stop)

        with trio.fail_after(START_SECONDS):
            told = await nursery.start(serve)
        yield told.split()[-1].rstrip("/")
        stop.set()


async def until_ended(stream: Stream) -> list[messages.Message]:
    """Speak until it is over; what was heard."""
    heard: list[messages.Message] = []

    async def listen() -> None:
        heard.extend([message async for message in stream])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        for _ in range(SPOKEN_MOST):
            if not await stream.send(frame(100)):
                break
            await trio.sleep(0.1)
    return heard


async def test_a_revoked_key_leaves_nothing_going(settings: Settings, tmp_path: Path) -> None:
    """HTTP refuses it at once, its stream ends within a flush, what waits is called off."""
    sound = spoken(tmp_path / "talk.wav")
    configuration = settings(RELAYD_METERING__FLUSH_SECONDS=str(FLUSH_SECONDS))
    async with served(configuration) as url, httpx.AsyncClient(base_url=url) as http:
        signed_in = (await http.post("/auth/register", json=CREDENTIALS)).json()
        owner = {"Authorization": f"Bearer {signed_in['token']}"}
        wanted = {"name": "mine", "test": True}
        made = (await http.post("/api/v1/keys", json=wanted, headers=owner)).json()
        program = {"Authorization": f"Bearer {made['key']}"}
        files = {"file": ("talk.wav", sound)}
        taken = await http.post("/api/v1/transcribe", files=files, headers=program)
        assert (taken.status_code, taken.json()["cost_seconds"]) == (202, 0)
        async with open_stream(url, made["key"]) as stream:
            assert stream.ready.engine == "pretend"
            async with trio.open_nursery() as nursery:
                nursery.start_soon(until_ended, stream)
                await http.delete(f"/api/v1/keys/{made['id']}", headers=owner)
                revoked_at = trio.current_time()
                refused = await http.get("/api/v1/auth/me", headers=program)
                assert refused.status_code == 401
            assert trio.current_time() - revoked_at < FLUSH_SECONDS + 1
        assert stream.ending is not None
        assert stream.ending.reason == "auth_revoked"
        # As another key of the same kind sees it.
        other = (await http.post("/api/v1/keys", json=wanted, headers=owner)).json()
        headers = {"Authorization": f"Bearer {other['key']}"}
        with trio.fail_after(20):
            while True:
                place = f"/api/v1/status/{taken.json()['id']}"
                status = (await http.get(place, headers=headers)).json()["status"]
                if status == "cancelled":
                    break
                await trio.sleep(0.2)
