"""Implements `relayd.speech.engine.Engine` without listening: words by the length of the audio."""

from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import attrs
import trio

from relayd.engines.pretend.engine import MODEL, SENTENCE_MS, WORD_MS, WORDS
from relayd.speech import options
from relayd.speech.plan import ConfigRefusal, StreamPlan
from relayd.speech.words import SpeechStarted, Transcript, UpstreamEvent, UtteranceEnd, Word

__all__ = ["PretendLive"]

_INTERIM_MS: Final = 1_000
_CONFIDENCE: Final = 0.99
_TRUE: Final = ("true",)


@attrs.frozen
class PretendLive:
    """A sentence every five seconds of audio, and whatever else of results is asked for."""

    name: str = "pretend"

    def plan(self, config: Mapping[str, Any]) -> StreamPlan | ConfigRefusal:
        """Check a client's ``config``: whoever tests may ask for any model and any feature."""
        policy = options.StreamPolicy(
            model=MODEL, paid_features=frozenset(options.PAID_OPTIONS), engine=self.name
        )
        return options.parse(config, policy)

    @asynccontextmanager
    async def open(self, plan: StreamPlan) -> AsyncIterator["PretendStream"]:
        """Open a stream, which is nothing but a count."""
        await trio.lowlevel.checkpoint()
        yield PretendStream(plan)


@attrs.define(eq=False)
class PretendStream:
    """Implements `relayd.speech.engine.Upstream`."""

    plan: StreamPlan
    # An event for each second of audio that came, and some; who reads takes them all.
    _events: deque[UpstreamEvent] = attrs.field(factory=deque)
    _bytes: int = 0
    # Up to where results were said, and where the last interim ended.
    _said_ms: int = 0
    _interim_ms: int = 0
    _finished: bool = False
    _wake: trio.Event = attrs.field(factory=trio.Event)

    @property
    def reported_ms(self) -> int:
        """How much audio came."""
        return self._bytes * 1000 // self.plan.format.bytes_per_second

    def send_audio_at_once(self, audio: bytes) -> bool:
        """Count it."""
        self._bytes += len(audio)
        self._say()
        return True

    async def send_audio(self, audio: bytes) -> None:
        """Count it."""
        await trio.lowlevel.checkpoint()
        self.send_audio_at_once(audio)

    async def finalize(self) -> None:
        """Say what there is, as if the sentence ended here."""
        await trio.lowlevel.checkpoint()
        self._conclude(self.reported_ms, from_finalize=True)
        self._wake.set()

    async def finish(self) -> None:
        """Say the last words."""
        await trio.lowlevel.checkpoint()
        if self.reported_ms > self._said_ms:
            self._conclude(self.reported_ms)
        self._finished = True
        self._wake.set()

    async def receive(
        self, take: Callable[[UpstreamEvent], bool] = lambda _: False
    ) -> UpstreamEvent | None:
        """The next event that isn't taken; None after the last."""
        await trio.lowlevel.checkpoint()
        while True:
            while self._events:
                event = self._events.popleft()
                if not take(event):
                    return event
            if self._finished:
                return None
            self._wake = trio.Event()
            await self._wake.wait()

    def _say(self) -> None:
        """Whatever is due by now."""
        while self.reported_ms >= self._said_ms + SENTENCE_MS:
            self._conclude(self._said_ms + SENTENCE_MS)
        if self.plan.interim_results and self.reported_ms >= self._interim_ms + _INTERIM_MS:
            self._interim_ms = self.reported_ms
            self._events.append(self._result(self.reported_ms, is_final=False))
        if self._events:
            self._wake.set()

    def _conclude(self, until_ms: int, *, from_finalize: bool = False) -> None:
        """End a sentence."""
        if self.plan.options.get("vad_events") == _TRUE:
            self._events.append(SpeechStarted(self._said_ms / 1000))
        result = self._result(until_ms, is_final=True, from_finalize=from_finalize)
        self._events.append(result)
        if "utterance_end_ms" in self.plan.options and result.words:
            self._events.append(UtteranceEnd(result.words[-1].end))
        self._said_ms = self._interim_ms = until_ms

    def _result(self, until_ms: int, *, is_final: bool, from_finalize: bool = False) -> Transcript:
        ends = range(self._said_ms + WORD_MS, until_ms + 1, WORD_MS)
        words = tuple(
            Word(text, (end_ms - WORD_MS) / 1000, end_ms / 1000, _CONFIDENCE)
            for text, end_ms in zip(WORDS, ends, strict=False)
        )
        return Transcript(
            " ".join(word.word for word in words),
            is_final=is_final,
            speech_final=is_final,
            confidence=_CONFIDENCE if words else 0.0,
            start=self._said_ms / 1000,
            duration=(until_ms - self._said_ms) / 1000,
            words=words,
            from_finalize=from_finalize,
        )
