"""One stream, heard by one engine after the other.

    run ── an engine is open ─┬─ catch_up    what no lasting result covers goes to it, again
        ↑                     └─ listen      its results, moved to where it begins in the audio
        └── it failed: whose turn is it?

What an engine said for good is said to the app and forgotten in the same call, so that no lasting
result is lost or comes twice wherever an engine dies. Between two engines audio isn't taken: who
sends it waits, as for a full socket.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import attrs
import msgspec
import trio

from relayd import logs
from relayd.engines.failover.backlog import Backlog
from relayd.engines.failover.turns import Turns
from relayd.errors import UpstreamError, first_leaf
from relayd.speech.engine import Engine, Upstream
from relayd.speech.plan import StreamPlan
from relayd.speech.tariff import Tariff
from relayd.speech.words import (
    EngineChanged,
    SpeechStarted,
    Transcript,
    UpstreamEvent,
    UtteranceEnd,
)

__all__ = ["FailoverStream", "Hearing"]

log = logs.get(__name__)

# Offered an event, whether it is taken.
Take = Callable[[UpstreamEvent], bool]


def _nobody(event: UpstreamEvent) -> bool:
    return False


@attrs.define(eq=False)
class Hearing:
    """What of a stream one engine hears: from this second of its audio on."""

    upstream: Upstream
    begin_seconds: float
    error: UpstreamError | None = None
    reading: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    # Of what is being said to it at the moment.
    saying: trio.CancelScope = attrs.field(factory=trio.CancelScope)

    def placed(self, event: UpstreamEvent) -> UpstreamEvent:
        """The same event, with times of the whole stream's audio."""
        later = self.begin_seconds
        if not later:
            return event
        replace = msgspec.structs.replace
        match event:
            case Transcript():
                words = tuple(
                    replace(word, start=_ms(word.start + later), end=_ms(word.end + later))
                    for word in event.words
                )
                return replace(event, start=_ms(event.start + later), words=words)
            case SpeechStarted():
                return replace(event, timestamp=_ms(event.timestamp + later))
            case UtteranceEnd():
                # -1 says that there is none.
                known = event.last_word_end >= 0
                end = _ms(event.last_word_end + later) if known else event.last_word_end
                return replace(event, last_word_end=end)
            case EngineChanged():
                return event


@attrs.define(eq=False)
class FailoverStream:
    """Implements `relayd.speech.engine.Upstream`. `run` has to run meanwhile."""

    engines: Mapping[str, Engine]
    turns: Turns
    # As it was agreed on; then that of the engine which hears the stream.
    plan: StreamPlan
    _backlog: Backlog = attrs.field(init=False)
    # Those that heard it, the present one last.
    _heard: list[Upstream] = attrs.field(factory=list)
    # Who is sent audio; None between two engines.
    _part: Hearing | None = None
    _ready: trio.Event = attrs.field(factory=trio.Event)
    # Up to where in the audio results were asked for.
    _finalized_bytes: int = 0
    _finishing: bool = False
    # It ended as it should.
    _over: bool = False
    _take: Take = _nobody
    # Events that nobody took; whoever has one waits.
    _say: trio.MemorySendChannel[UpstreamEvent] = attrs.field(init=False)
    _untaken: trio.MemoryReceiveChannel[UpstreamEvent] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._backlog = Backlog(self.plan.format)
        self._say, self._untaken = trio.open_memory_channel[UpstreamEvent](0)

    @property
    def reported_ms(self) -> int | None:
        """What all engines heard; what two of them heard counts twice, as on their bills."""
        said = [one.reported_ms for one in self._heard]
        known = [one for one in said if one is not None]
        return sum(known) if known else None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Have the stream heard until it ended as it should; started once an engine is open.

        Raises the `UpstreamError` after which nobody was left.
        """
        plan = self.turns.first()
        while not self._over:
            failure: UpstreamError | None = None
            try:
                async with self.engines[plan.engine].open(plan) as upstream:
                    await self._be_heard(plan, upstream, task_status)
            except* UpstreamError as group:
                failure = first_leaf(group)
            if failure is not None and not self._over:
                plan = self._next(plan, failure)

    def _next(self, failed: StreamPlan, error: UpstreamError) -> StreamPlan:
        plan = self.turns.after(failed, error)
        log.warning(
            "another engine takes a stream",
            failed=failed.engine,
            engine=plan.engine,
            problem=str(error),
        )
        return plan

    def send_audio_at_once(self, audio: bytes) -> bool:
        """Pass audio on if that needs no waiting; False where nothing was sent."""
        if self._part is None or not self._part.upstream.send_audio_at_once(audio):
            return False
        self._backlog.add(audio)
        return True

    async def send_audio(self, audio: bytes) -> None:
        """Pass audio on; what this engine can't take, the next one hears."""
        if not audio:
            return
        part = await self._present()
        self._backlog.add(audio)
        with self._telling(part):
            await part.upstream.send_audio(audio)

    async def finalize(self) -> None:
        """Ask for the results of everything sent so far."""
        part = await self._present()
        self._finalized_bytes = self._backlog.total_bytes
        with self._telling(part):
            await part.upstream.finalize()

    async def finish(self) -> None:
        """No more audio: the engine that hears it by then is told so."""
        await trio.lowlevel.checkpoint()
        self._finishing = True
        if self._part is not None:
            await self._finish(self._part)

    async def receive(self, take: Take = _nobody) -> UpstreamEvent | None:
        """The next event that isn't taken; None once the stream ended as it should."""
        self._take = take
        try:
            while True:
                event = await self._untaken.receive()
                self._acknowledge(event)
                if not take(event):
                    return event
        except trio.EndOfChannel:
            return None
        finally:
            self._take = _nobody

    async def _be_heard(
        self, plan: StreamPlan, upstream: Upstream, task_status: trio.TaskStatus[None]
    ) -> None:
        """Have one engine hear it, until that ends the stream; raises what went wrong."""
        part = Hearing(upstream, self._backlog.begin_seconds)
        first = not self._heard
        self._heard.append(upstream)
        # The price never rises: see docs/decisions/failover.md.
        tariff = Tariff(min(plan.tariff.rate, self.plan.tariff.rate))
        self.plan = attrs.evolve(plan, tariff=tariff)
        if first:
            task_status.started()
        with part.reading:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._catch_up, part)
                if not first:
                    await self._hear(part, self._change())
                await self._listen(part)
                nursery.cancel_scope.cancel(reason="the engine ended the stream")
        if part.error is not None:
            raise part.error
        self._over = True
        self._say.close()

    def _change(self) -> EngineChanged:
        plan, missing = self.plan, self._backlog.missing_seconds
        return EngineChanged(plan.engine, plan.model, plan.tariff.rate, missing)

    async def _catch_up(self, part: Hearing) -> None:
        """Send what has no lasting words yet, and let go on whoever waits for that."""
        with self._telling(part):
            for piece in self._backlog.pieces:
                await part.upstream.send_audio(piece)
            if self._finalized_bytes > self._backlog.begin_bytes:
                await part.upstream.finalize()
            self._part = part
            self._ready.set()
            if self._finishing:
                await part.upstream.finish()

    async def _listen(self, part: Hearing) -> None:
        try:
            while (event := await part.upstream.receive(partial(self._offer, part))) is not None:
                await self._hear(part, event)
        except UpstreamError as error:
            self._fail(part, error)

    def _offer(self, part: Hearing, event: UpstreamEvent) -> bool:
        """Say an event to who receives; called in the task that read it."""
        placed = self._placed(part, event)
        if placed is None:
            return True
        if not self._take(placed):
            return False
        self._acknowledge(placed)
        return True

    async def _hear(self, part: Hearing, event: UpstreamEvent) -> None:
        """Say an event once somebody takes it."""
        placed = self._placed(part, event)
        if placed is not None:
            await self._say.send(placed)

    def _placed(self, part: Hearing, event: UpstreamEvent) -> UpstreamEvent | None:
        """The event in the stream's audio; None where its words were said for good before.

        Only where channels have results of their own: the next engine begins where the slowest
        channel's words end.
        """
        placed = part.placed(event)
        if not isinstance(placed, Transcript) or not part.begin_seconds or placed.channel is None:
            return placed
        covered = self._backlog.covered_seconds(placed)
        if placed.start >= covered:
            return placed
        words = tuple(one for one in placed.words if (one.start + one.end) / 2 >= covered)
        if not words:
            return None
        text = " ".join(one.punctuated_word or one.word for one in words)
        return msgspec.structs.replace(placed, text=text, words=words)

    def _acknowledge(self, event: UpstreamEvent) -> None:
        """An event is said: what is final needs to be heard by nobody again."""
        if isinstance(event, Transcript) and event.is_final:
            self._backlog.cover(event)
            self.turns.well(self.plan)

    async def _present(self) -> Hearing:
        """Who hears the stream; waits while another engine is opened."""
        await trio.lowlevel.checkpoint()
        while self._part is None:
            await self._ready.wait()
        return self._part

    async def _finish(self, part: Hearing) -> None:
        with self._telling(part):
            await part.upstream.finish()

    @contextmanager
    def _telling(self, part: Hearing) -> Iterator[None]:
        """Tell an engine something; where it fails, whoever goes on is told the same."""
        with trio.CancelScope() as part.saying:
            try:
                yield
            except UpstreamError as error:
                self._fail(part, error)

    def _fail(self, part: Hearing, error: UpstreamError) -> None:
        """Hear this engine no more; what it has not said for good is another's to say."""
        if part.error is None:
            part.error = error
        if self._part is part:
            self._part, self._ready = None, trio.Event()
        part.reading.cancel(reason=str(error))
        part.saying.cancel(reason=str(error))


def _ms(seconds: float) -> float:
    """Rounded to the millisecond, as engines tell times."""
    return round(seconds, 3)
