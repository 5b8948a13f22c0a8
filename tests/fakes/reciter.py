"""An engine that reads its words out of the audio: a piece lost or doubled shows in them."""

import struct
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import attrs
import trio
from trio.testing import wait_all_tasks_blocked

from relayd.errors import UpstreamError
from relayd.speech.formats import AudioFormat
from relayd.speech.plan import ConfigRefusal, StreamPlan
from relayd.speech.tariff import EVEN, Tariff
from relayd.speech.words import Transcript, UpstreamEvent, Word
from tests.fakes.engine import next_untaken

__all__ = ["SENTENCE", "WORD_BYTES", "Death", "Reciter", "read_out"]

# A tenth of a second of the default format, all samples of which are the word's number.
WORD_BYTES: Final = 3200
# So many words are final together.
SENTENCE: Final = 5


def read_out(words: Iterable[int]) -> bytes:
    """Audio with these words in it."""
    return b"".join(struct.pack("<H", number) * (WORD_BYTES // 2) for number in words)


@attrs.frozen
class Death:
    """How a stream breaks: once it heard so many bytes, where it is read or where it is sent to.

    ``after_bytes`` of None: it isn't opened.
    """

    error: UpstreamError
    after_bytes: int | None = None
    sending: bool = False


@attrs.define(eq=False)
class Reciter:
    """Implements `relayd.speech.engine.Engine`; each stream takes the next death of the list."""

    name: str
    deaths: deque[Death] = attrs.field(factory=deque)
    tariff: Tariff = EVEN
    at_once: bool = False
    refusal: ConfigRefusal | None = None
    streams: list["Recital"] = attrs.field(factory=list)

    def plan(self, config: Mapping[str, Any]) -> StreamPlan | ConfigRefusal:
        """Whatever is asked for, as one format."""
        return self.refusal or StreamPlan(
            AudioFormat(), f"{self.name}-1", True, tariff=self.tariff, engine=self.name
        )

    def stream(self, plan: StreamPlan, death: Death | None = None) -> "Recital":
        """One that is open."""
        self.streams.append(Recital(self, plan, death))
        return self.streams[-1]

    @asynccontextmanager
    async def open(self, plan: StreamPlan) -> AsyncIterator["Recital"]:
        """A stream, or its death."""
        await trio.lowlevel.checkpoint()
        death = self.deaths.popleft() if self.deaths else None
        if death is not None and death.after_bytes is None:
            raise death.error
        stream = self.stream(plan, death)
        try:
            yield stream
        finally:
            stream.left = True


@attrs.define(eq=False)
class Recital:
    """Implements `relayd.speech.engine.Upstream`."""

    engine: Reciter
    plan: StreamPlan
    death: Death | None
    audio: bytearray = attrs.field(factory=bytearray)
    finalized: int = 0
    left: bool = False
    _said: int = 0
    _say: trio.MemorySendChannel[UpstreamEvent | UpstreamError] = attrs.field(init=False)
    _results: trio.MemoryReceiveChannel[UpstreamEvent | UpstreamError] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._say, self._results = trio.open_memory_channel[UpstreamEvent | UpstreamError](10_000)

    @property
    def reported_ms(self) -> int:
        """All that it heard."""
        return EVEN.charge_bytes(len(self.audio), self.plan.format)

    def send_audio_at_once(self, audio: bytes) -> bool:
        """Hear it, where nothing is in the way."""
        if not self.engine.at_once or self._dying(len(audio)):
            return False
        self._listen(audio)
        return True

    async def send_audio(self, audio: bytes) -> None:
        """Hear it, and die of it where that is its death."""
        await trio.lowlevel.checkpoint()
        assert not self.left
        self._listen(audio)
        if self._dying():
            assert self.death is not None
            if self.death.sending:
                # What it said before is read: it came first.
                await wait_all_tasks_blocked()
                raise self.death.error
            self._say.send_nowait(self.death.error)

    async def finalize(self) -> None:
        """Say what there is."""
        await trio.lowlevel.checkpoint()
        self.finalized += 1
        self._conclude(from_finalize=True)

    async def finish(self) -> None:
        """Say the last words, and end."""
        await trio.lowlevel.checkpoint()
        self._conclude()
        self._say.close()

    async def receive(
        self, take: Callable[[UpstreamEvent], bool] = lambda _: False
    ) -> UpstreamEvent | None:
        """The next result that isn't taken."""
        return await next_untaken(self._results, take)

    def _dying(self, more: int = 0) -> bool:
        after = None if self.death is None else self.death.after_bytes
        return after is not None and len(self.audio) + more >= after

    def _listen(self, audio: bytes) -> None:
        before = len(self.audio) // WORD_BYTES
        self.audio += audio
        for count in range(before + 1, len(self.audio) // WORD_BYTES + 1):
            final = count - self._said == SENTENCE
            self._result(count, is_final=final)

    def _conclude(self, *, from_finalize: bool = False) -> None:
        self._result(len(self.audio) // WORD_BYTES, is_final=True, from_finalize=from_finalize)

    def _result(self, until: int, *, is_final: bool, from_finalize: bool = False) -> None:
        words = tuple(self._word(n) for n in range(self._said, until))
        event = Transcript(
            " ".join(one.word for one in words),
            is_final,
            is_final,
            1.0,
            self._said / 10,
            (until - self._said) / 10,
            words,
            from_finalize=from_finalize,
        )
        self._said = until if is_final else self._said
        self._say.send_nowait(event)

    def _word(self, place: int) -> Word:
        samples = self.audio[place * WORD_BYTES : (place + 1) * WORD_BYTES]
        (number,) = struct.unpack_from("<H", samples)
        assert samples == read_out([number]), "audio is cut elsewhere than it was"
        return Word(f"w{number}", place / 10, (place + 1) / 10)
