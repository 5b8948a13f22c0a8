"""A speech engine in memory: hears audio, says scripted words, fails when told to."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import attrs
import trio

from relayd.errors import UpstreamError
from relayd.speech.formats import AudioFormat
from relayd.speech.plan import ConfigRefusal, StreamPlan
from relayd.speech.tariff import EVEN, Tariff
from relayd.speech.words import Transcript, UpstreamEvent

__all__ = ["FakeEngine", "FakeUpstream", "next_untaken"]


@attrs.define(eq=False)
class FakeUpstream:
    """One stream: what it heard, and the channel its results come from."""

    engine: "FakeEngine"
    plan: StreamPlan
    audio: bytearray = attrs.field(factory=bytearray)
    sends: list[tuple[float, int]] = attrs.field(factory=list)
    finalized: int = 0
    finished_at: float | None = None
    left_at: float | None = None
    _say: trio.MemorySendChannel[UpstreamEvent | UpstreamError] = attrs.field(init=False)
    _results: trio.MemoryReceiveChannel[UpstreamEvent | UpstreamError] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._say, self._results = trio.open_memory_channel[UpstreamEvent | UpstreamError](10_000)

    # What the test does.

    def say(self, text: str, *, is_final: bool = True) -> None:
        """Deliver a result."""
        self._say.send_nowait(
            Transcript(text, is_final, speech_final=is_final, confidence=1.0, start=0, duration=1)
        )

    def tell(self, event: UpstreamEvent) -> None:
        """Deliver anything else."""
        self._say.send_nowait(event)

    def fail(self, error: UpstreamError) -> None:
        """Break the stream."""
        self._say.send_nowait(error)

    def end(self) -> None:
        """Close the stream, told to or not."""
        self._say.close()

    # What the session sees.

    @property
    def reported_ms(self) -> int | None:
        """All that it heard."""
        return EVEN.charge_bytes(len(self.audio), self.plan.format)

    def send_audio_at_once(self, audio: bytes) -> bool:
        """Hear it, where the test wants an engine that can."""
        if not self.engine.at_once or self.engine.stalled:
            return False
        assert self.finished_at is None, "audio after finish"
        self.audio += audio
        self.sends.append((trio.current_time(), len(audio)))
        return True

    async def send_audio(self, audio: bytes) -> None:
        """Hear it, or stall."""
        if self.engine.stalled:
            await trio.sleep_forever()
        await trio.sleep(self.engine.send_seconds)
        assert self.finished_at is None, "audio after finish"
        self.audio += audio
        self.sends.append((trio.current_time(), len(audio)))

    async def finalize(self) -> None:
        """Count it."""
        await trio.lowlevel.checkpoint()
        self.finalized += 1

    async def finish(self) -> None:
        """Say the last words, unless this engine never finishes."""
        await trio.lowlevel.checkpoint()
        self.finished_at = trio.current_time()
        if self.engine.last_words is not None:
            await trio.sleep(self.engine.last_words_seconds)
            self.say(self.engine.last_words)
            self.end()

    async def receive(
        self, take: Callable[[UpstreamEvent], bool] = lambda _: False
    ) -> UpstreamEvent | None:
        """The next scripted event that isn't taken."""
        return await next_untaken(self._results, take)


async def next_untaken(
    results: trio.MemoryReceiveChannel[UpstreamEvent | UpstreamError],
    take: Callable[[UpstreamEvent], bool],
) -> UpstreamEvent | None:
    """The next of these that isn't taken; None once there are no more. Raises what is an error."""
    while True:
        await trio.lowlevel.checkpoint()
        try:
            event = await results.receive()
        except trio.EndOfChannel:
            return None
        if isinstance(event, UpstreamError):
            raise event
        if not take(event):
            return event


@attrs.define(eq=False)
class FakeEngine:
    """Implements `relayd.speech.engine.Engine`."""

    name: str = "fake"
    # Whether audio is taken without a step in between.
    at_once: bool = False
    open_seconds: float = 0.0
    # An `UpstreamError`, or a group that holds one.
    open_error: Exception | None = None
    plan_fault: Exception | None = None
    tariff: Tariff = EVEN
    # Where another one takes the stream than was planned with.
    tariff_in_truth: Tariff | None = None
    stalled: bool = False
    send_seconds: float = 0.0
    last_words: str | None = "goodbye"
    last_words_seconds: float = 0.0
    streams: list[FakeUpstream] = attrs.field(factory=list)
    # How often a stream was asked for, opened or not.
    dials: int = 0

    @property
    def stream(self) -> FakeUpstream:
        """The one stream of a test that opens one."""
        (stream,) = self.streams
        return stream

    def plan(self, config: Mapping[str, Any]) -> StreamPlan | ConfigRefusal:
        """Accept what says how the audio is cut, refuse a callback, remark on the rest."""
        if self.plan_fault is not None:
            raise self.plan_fault
        if "callback" in config:
            return ConfigRefusal("callback", "callback: is not allowed")
        format_of = attrs.fields_dict(AudioFormat).keys() & config.keys()
        return StreamPlan(
            AudioFormat(**{key: config[key] for key in format_of}),
            "fake-1",
            interim_results=True,
            remarks=tuple(f"{key}: not known." for key in config if key not in format_of),
            tariff=self.tariff,
            engine=self.name,
        )

    @asynccontextmanager
    async def open(self, plan: StreamPlan) -> AsyncIterator[FakeUpstream]:
        """A stream, after a while, or an error."""
        self.dials += 1
        await trio.sleep(self.open_seconds)
        if self.open_error is not None:
            raise self.open_error
        stream = FakeUpstream(self, attrs.evolve(plan, tariff=self.tariff_in_truth or plan.tariff))
        self.streams.append(stream)
        try:
            yield stream
        finally:
            stream.left_at = trio.current_time()
