"""The first of two engines fails under live sessions, in each way that an engine has.

Every millisecond of audio carries its own number, so what each engine heard is known exactly. The
stand-ins' final results lie end to end over their audio: a gap between two of them is a word lost,
an overlap one said twice.
"""

import functools
import random
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Final

import attrs
import trio

from bench.books import Customer
from bench.daemon import Daemon, Sections, configuration, running
from bench.faults import understudy
from bench.faults.client import BYTES_PER_MS, MASK, App
from bench.faults.verdict import Verdict
from bench.faults.world import World, world
from bench.wire import BINARY, frame
from tests.standin import Fault, Record, Script, StandIn

__all__ = ["run"]

_SESSIONS: Final = 40
_QUICK_SESSIONS: Final = 8
# Opened when the first engine has failed already.
_LATER_SESSIONS: Final = 5
_CREDIT_MS: Final = 3_600_000
_FRAME_MS: Final = 100
_RESULT_MS: Final = 250
# Spoken before the fault.
_BEFORE_SECONDS: Final = 4
_LATEST_SECONDS: Final = 120
# One that hangs doesn't say so: it doesn't miss the audio that it no longer reads.
_SCRIPT: Final = Script(result_ms=_RESULT_MS, message_seconds=3600, audio_seconds=3600)
_REFUSAL: Final = "HTTP/1.1 {}\r\n{}Content-Length: 0\r\nConnection: close\r\n\r\n"


@attrs.frozen
class Way:
    """One way to fail: what happens to streams that are open, and to those that are tried then."""

    name: str
    # How much is said in all, and how soon there must be words again.
    whole_ms: int
    words_within_seconds: float
    cuts: bool = True
    then: Script | None = None


_WAYS: Final = (
    Way("killed", 12_000, 2),
    Way(
        "429",
        12_000,
        2,
        then=Script(answer=_REFUSAL.format("429 Busy", "Retry-After: 60\r\n").encode()),
    ),
    Way("401", 12_000, 2, then=Script(answer=_REFUSAL.format("401 Unauthorized", "").encode())),
    # Noticed by an unanswered ping: 5 s of silence, 5 s without an answer, 1 s of beats.
    Way("silent", 24_000, 12, cuts=False, then=Script(fault=Fault.STALL)),
)


@attrs.define(eq=False)
class First:
    """The engine that fails."""

    engine: StandIn = attrs.field(factory=lambda: StandIn(scripts=[_SCRIPT]))
    port: int = 0
    serving: trio.CancelScope = attrs.field(factory=trio.CancelScope)

    async def serve(self, *, task_status: trio.TaskStatus[None]) -> None:
        """Until it is killed."""
        with self.serving:
            async with trio.open_nursery() as nursery:
                self.port = await nursery.start(self.engine.serve, "127.0.0.1", 0)
                task_status.started()

    async def fail(self, way: Way) -> None:
        """Fail like this, from now on."""
        await trio.lowlevel.checkpoint()
        if way.then is None:
            self.serving.cancel()
            return
        self.engine.scripts = [way.then]
        for record in self.engine.records:
            if record.listener is not None and record.ended_at is None:
                if way.cuts:
                    await record.listener.tap.cut()
                else:
                    record.listener.tap.stalled = True


@attrs.define(eq=False)
class Speaker:
    """One app, its user, and what it has heard for good."""

    app: App
    customer: Customer
    # What was said when the engine failed.
    said_ms: int = 0

    async def speak(self, whole_ms: int) -> None:
        """All of it at live pace, then stop, and hear the rest."""
        due = trio.current_time()
        for at in range(0, whole_ms, _FRAME_MS):
            if self.app.ended_at is not None:
                return
            await self.app.send(_numbered(at))
            self.app.sent_ms += _FRAME_MS
            due += _FRAME_MS / 1000
            await trio.sleep_until(due)
        await self.app.say({"type": "stop"})

    @property
    def finals(self) -> list[tuple[int, int]]:
        """Where each lasting result begins and ends, in milliseconds."""
        return [_window(one) for _, one in self.app.heard if one.get("is_final")]

    def words_again_after(self, failed_at: float) -> float:
        """How long it took until there was a result of what came after the failure, in seconds."""
        return next(
            at - failed_at
            for at, one in self.app.heard
            if one.get("type") == "transcript" and _window(one)[1] > self.said_ms
        )

    @property
    def completed(self) -> bool:
        """Whether its session ended as its app wanted."""
        end = self.app.last("session_end")
        return end is not None and end[1]["reason"] == "completed"

    @property
    def lost_ms(self) -> int:
        """Of its audio: without lasting words."""
        edges = [(0, 0), *self.finals, (self.app.sent_ms, self.app.sent_ms)]
        return sum(max(after[0] - before[1], 0) for before, after in pairwise(edges))

    @property
    def doubled_ms(self) -> int:
        """Of its audio: with lasting words twice."""
        return sum(max(before[1] - after[0], 0) for before, after in pairwise(self.finals))


@functools.cache
def _numbered(at_ms: int) -> bytes:
    """A frame of audio that says of each millisecond which one it is."""
    audio = b"".join(struct.pack("<I", at_ms + n) * (BYTES_PER_MS // 4) for n in range(_FRAME_MS))
    return frame(BINARY, audio, MASK)


def _window(result: dict[str, float]) -> tuple[int, int]:
    start = round(result["start"] * 1000)
    return start, start + round(result["duration"] * 1000)


def _heard(record: Record) -> list[int]:
    """The numbers of the milliseconds that one stream of an engine heard, in order."""
    return [number for (number,) in struct.iter_unpack("<I", record.audio)][:: BYTES_PER_MS // 4]


async def run(verdict: Verdict) -> None:
    """Each way in a world of its own: how engines stand is remembered."""
    for way in _WAYS:
        async with world(_SCRIPT) as here, _first() as first, _served(here, first) as daemon:
            await _fail(verdict, here, first, daemon, way)


async def _fail(verdict: Verdict, here: World, first: First, daemon: Daemon, way: Way) -> None:
    sessions = verdict.sized(_SESSIONS, _QUICK_SESSIONS)
    customers = await here.customers(sessions + _LATER_SESSIONS, _CREDIT_MS)
    with trio.fail_after(_LATEST_SECONDS):
        async with trio.open_nursery() as nursery:
            early = [await _join(here, daemon, one) for one in customers[:sessions]]
            for speaker in early:
                nursery.start_soon(speaker.app.listen)
                nursery.start_soon(_speak_later, speaker, way.whole_ms)
            await trio.sleep(_BEFORE_SECONDS)
            failed_at = trio.current_time()
            for speaker in early:
                speaker.said_ms = speaker.app.sent_ms
            await first.fail(way)
            late = [await _join(here, daemon, one) for one in customers[sessions:]]
            for speaker in late:
                nursery.start_soon(speaker.app.listen)
                nursery.start_soon(speaker.speak, way.whole_ms)
    await here.books.until_settled(15)
    engines = (first.engine, here.engine)
    verdict.note(f"{way.name}: streams at the first engine, the second", _streams(engines))
    await _judge(verdict, here, [*early, *late], engines, way.name)
    waits = sorted(one.words_again_after(failed_at) for one in early)
    p99 = waits[-1 - len(waits) // 100]
    verdict.at_most(f"{way.name}: words again (p99)", round(p99, 2), way.words_within_seconds, "s")


async def _join(here: World, daemon: Daemon, customer: Customer) -> Speaker:
    return Speaker(await here.session(daemon, customer, str(customer.user_id)), customer)


async def _speak_later(speaker: Speaker, whole_ms: int) -> None:
    """Not all at one moment of their sentences."""
    await trio.sleep(random.uniform(0, 1))  # noqa: S311 - no secret
    await speaker.speak(whole_ms)


async def _judge(
    verdict: Verdict,
    here: World,
    speakers: Sequence[Speaker],
    engines: Sequence[StandIn],
    way: str,
) -> None:
    def equal(what: str, value: int) -> None:
        verdict.equal(f"{way}: {what}", value, 0)

    equal("sessions cut", sum(not one.completed for one in speakers))
    equal("ms of audio that no engine heard", sum(_unheard_ms(one, engines) for one in speakers))
    equal("ms of audio heard twice by one stream, or out of order", _disordered_ms(engines))
    equal("ms of words lost", sum(one.lost_ms for one in speakers))
    equal("ms of words said twice", sum(one.doubled_ms for one in speakers))
    equal("ms charged wrongly", sum([await _charged_wrongly_ms(here, one) for one in speakers]))
    equal("rows at fault in the audit", await here.audited())


def _records(engine: StandIn) -> list[Record]:
    """The streams in which it heard something."""
    return [one for one in engine.records if one.audio_bytes]


def _streams(engines: Sequence[StandIn]) -> str:
    return ", ".join(str(len(_records(one))) for one in engines)


def _unheard_ms(speaker: Speaker, engines: Sequence[StandIn]) -> int:
    label = str(speaker.customer.user_id)
    mine = [
        record
        for engine in engines
        for record in _records(engine)
        if label in record.query.get("search", ())
    ]
    return speaker.app.sent_ms - len({number for record in mine for number in _heard(record)})


def _disordered_ms(engines: Sequence[StandIn]) -> int:
    """Milliseconds that didn't come right behind the one before."""
    return sum(
        after != before + 1
        for engine in engines
        for record in _records(engine)
        for before, after in pairwise(_heard(record))
    )


async def _charged_wrongly_ms(here: World, speaker: Speaker) -> int:
    """Both engines cost a second for a second."""
    left_ms = (await here.books.balance(speaker.customer)).balance_ms
    return abs(speaker.customer.bought_ms - left_ms - speaker.app.sent_ms)


@asynccontextmanager
async def _first() -> AsyncIterator[First]:
    first = First()
    async with trio.open_nursery() as nursery:
        await nursery.start(first.serve)
        yield first
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def _served(here: World, first: First) -> AsyncIterator[Daemon]:
    """A daemon with both engines, the world's as the second."""
    changes: Sections = {
        "engine": {"default": "", "engines": ["deepgram", understudy.NAME]},
        "metering": {"flush_seconds": 1},
    }
    sections = configuration(here.books, f"ws://127.0.0.1:{first.port}", changes)
    second = f"ws://127.0.0.1:{here.engine_port}"
    async with running(sections, command=("bench.faults.understudy", second)) as daemon:
        yield daemon
