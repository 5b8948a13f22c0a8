"""The Deepgram engine wired to its stand-in by memory streams, for the tests of both."""

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import trio
import trio.testing

from relayd import config
from relayd.engines.deepgram.engine import Deepgram
from relayd.engines.deepgram.stream import DeepgramStream
from relayd.errors import UpstreamError
from relayd.speech.plan import StreamPlan
from relayd.speech.words import UpstreamEvent
from relayd.websocket.pump import open_pump
from tests.standin import Script, StandIn

__all__ = [
    "FRAME",
    "KEY",
    "SETTINGS",
    "Bench",
    "bench",
    "failure",
    "listening",
    "read_all",
    "send_seconds",
]

FRAME = b"\1\0" * 1600  # 100 ms
KEY = "standin-key"
SETTINGS = config.Deepgram(api_key=config.Secret(KEY), url="ws://localhost:1")


@attrs.define(eq=False)
class Bench:
    """An engine wired to a stand-in."""

    stand_in: StandIn
    engine: Deepgram

    def plan(self, **options: Any) -> StreamPlan:
        """A plan that must be allowed."""
        plan = self.engine.plan(options)
        assert isinstance(plan, StreamPlan)
        return plan


@asynccontextmanager
async def bench(
    *scripts: Script,
    settings: config.Deepgram = SETTINGS,
    pair: Callable[[], tuple[trio.abc.Stream, trio.abc.Stream]] = trio.testing.memory_stream_pair,
) -> AsyncIterator[Bench]:
    """An engine whose connections follow these scripts."""
    stand_in = StandIn(scripts=list(scripts) or [Script()])
    async with open_pump() as pump, trio.open_nursery() as nursery:
        yield Bench(stand_in, Deepgram(settings, pump, stand_in.connector(nursery, pair)))
        nursery.cancel_scope.cancel()


async def send_seconds(stream: DeepgramStream, seconds: float) -> None:
    """So much audio at live pace."""
    for _ in range(round(seconds * 10)):
        await trio.sleep(0.1)
        await stream.send_audio(FRAME)


async def read_all(stream: DeepgramStream) -> list[UpstreamEvent]:
    """Every event to the end."""
    events: list[UpstreamEvent] = []

    def take(event: UpstreamEvent) -> bool:
        events.append(event)
        return True

    assert await stream.receive(take) is None
    return events


@asynccontextmanager
async def listening(stream: DeepgramStream) -> AsyncIterator[None]:
    """Somebody waits for results meanwhile, as in every session, and doesn't mind how it ends."""

    async def listen() -> None:
        with contextlib.suppress(UpstreamError):
            await read_all(stream)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        yield
        nursery.cancel_scope.cancel()


async def failure(stream: DeepgramStream) -> UpstreamError:
    """The error that ends this stream."""
    with pytest.raises(UpstreamError) as caught:
        await read_all(stream)
    return caught.value
