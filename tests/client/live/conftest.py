"""Deepgram's stand-in on a socket of this machine, for engines that have threads of their own."""

import threading
from collections.abc import Iterator

import attrs
import pytest
import trio

from relayd.client.live.tape import BYTES_PER_SECOND
from tests.standin import Script, StandIn

# A word every 100 ms, a result every 200 ms of audio: half a second says something.
QUICK = Script(result_ms=200, word_ms=100)


def sound(seconds: float) -> bytes:
    """So much of it, silent."""
    return bytes(round(seconds * BYTES_PER_SECOND) // 2 * 2)


@attrs.define(eq=False)
class Listening:
    """A stand-in that listens, and the settings that lead to it."""

    stand_in: StandIn
    port: int

    @property
    def config(self) -> dict[str, str]:
        """For an engine."""
        return {
            "mode": "byok",
            "byok_api_key": self.stand_in.key,
            "deepgram_url": f"http://127.0.0.1:{self.port}",
        }


@pytest.fixture
def listening() -> Iterator[Listening]:
    """One in a thread, until the test is over."""
    stand_in = StandIn(scripts=[QUICK])
    up = threading.Event()
    found: list[Listening] = []
    ends: list[tuple[trio.lowlevel.TrioToken, trio.CancelScope]] = []

    async def serve() -> None:
        async with trio.open_nursery() as nursery:
            port = await nursery.start(stand_in.serve, "127.0.0.1", 0)
            found.append(Listening(stand_in, port))
            ends.append((trio.lowlevel.current_trio_token(), nursery.cancel_scope))
            up.set()

    thread = threading.Thread(target=trio.run, args=(serve,))
    thread.start()
    assert up.wait(10)
    yield found[0]
    token, scope = ends[0]
    token.run_sync_soon(scope.cancel)
    thread.join(10)
