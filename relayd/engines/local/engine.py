"""An engine on this machine, whatever its model: a session's calls become frames, lines events.

The decoding happens in a process for each stream (`pool`, `process`, `worker`). All models
here understand English only.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import attrs
import trio

from relayd import config
from relayd.engines.local.frames import Frame, FrameKind
from relayd.engines.local.model import LocalModel
from relayd.engines.local.pool import WorkerPool, open_pool
from relayd.engines.local.process import ENDED, RecogniserProcess
from relayd.errors import OperatorError, UpstreamClosed, UpstreamError, UpstreamUnavailable
from relayd.quotas.limits import Quotas
from relayd.speech import options
from relayd.speech.plan import ConfigRefusal, StreamPlan
from relayd.speech.tariff import EVEN, Tariff
from relayd.speech.words import SpeechStarted, Transcript, UpstreamEvent, UtteranceEnd, Word

__all__ = ["LocalEngine", "LocalStream", "check_local", "open_local"]

# A frame of at most 4 s of audio is not taken for so long only where far too many streams share
# the cores. The session has its own deadlines; this one says whose fault it is.
WRITE_SECONDS: Final = 15

STALLED: Final = "The local recogniser can't keep up. Try again shortly."

# What would show the user something else than he asked for, were it ignored like the
# formatting options are.
REFUSED: Final = ("profanity_filter", "replace", "search")


@attrs.define(eq=False)
class LocalEngine:
    """Implements `relayd.speech.engine.Engine`."""

    model: LocalModel
    _pool: WorkerPool
    tariff: Tariff = EVEN

    @property
    def name(self) -> str:
        """Its name in the configuration, the ledger and ``ready``."""
        return self.model.engine

    def plan(self, config: Mapping[str, Any]) -> StreamPlan | ConfigRefusal:
        """Check a client's ``config``.

        Apps name the model of another engine: that is accepted, and they hear which one answers.
        """
        policy = options.StreamPolicy(model=self.model.name, engine=self.name)
        plan = options.parse(config, policy)
        if isinstance(plan, ConfigRefusal):
            return plan
        language = plan.options.get("language", ("en",))[0]
        if language.lower().split("-")[0] != "en":
            return ConfigRefusal("language", "language must be en or en-…: this server's engine")
        if plan.format.multichannel:
            return ConfigRefusal(
                "multichannel", "multichannel is not offered by this server: leave it out"
            )
        for key in REFUSED:
            if plan.options.get(key, ("false",)) != ("false",):
                return ConfigRefusal(key, f"{key} is not offered by this server: leave it out")
        ours = self.model.name
        if plan.model != ours:
            remark = f"model {plan.model} is not on this server: {ours} answers instead."
            plan = attrs.evolve(plan, model=ours, remarks=(*plan.remarks, remark))
        return attrs.evolve(plan, tariff=self.tariff)

    @asynccontextmanager
    async def open(self, plan: StreamPlan) -> AsyncIterator["LocalStream"]:
        """Take a recogniser for this stream; leaving the context kills it.

        Raises UpstreamUnavailable when all are in use, or none can be started in time.
        """
        async with self._pool.worker() as worker:
            stream = LocalStream(worker, plan)
            await stream.start()
            yield stream


@attrs.define(eq=False)
class LocalStream:
    """Implements `relayd.speech.engine.Upstream`."""

    _worker: RecogniserProcess
    plan: StreamPlan
    _reported_ms: int | None = None
    _ended: bool = False

    @property
    def reported_ms(self) -> int | None:
        """Milliseconds of audio that the recogniser heard."""
        return self._reported_ms

    async def start(self) -> None:
        """Tell the recogniser what comes."""
        order = {"format": attrs.asdict(self.plan.format), "listening": _listening(self.plan)}
        await self._write(Frame(FrameKind.START, json.dumps(order).encode("ascii")))

    def send_audio_at_once(self, audio: bytes) -> bool:
        """Never: the worker's pipe is written by Trio."""
        return False

    async def send_audio(self, audio: bytes) -> None:
        """Pass audio on; waits while the recogniser is behind."""
        for frame in Frame.cut(audio):
            await self._write(frame)

    async def finalize(self) -> None:
        """Ask for the results of everything sent so far."""
        await self._write(Frame(FrameKind.FINALIZE))

    async def finish(self) -> None:
        """No more audio: the rest of the results follows, then None."""
        await self._write(Frame(FrameKind.FINISH))

    async def receive(
        self, take: Callable[[UpstreamEvent], bool] = lambda _: False
    ) -> UpstreamEvent | None:
        """The next event that isn't taken; None after the last."""
        while (event := await self._next_event()) is not None:
            if not take(event):
                return event
        return None

    async def _next_event(self) -> UpstreamEvent | None:
        while not self._ended:
            message = await self._worker.read()
            self._reported_ms = message.get("heard_ms", self._reported_ms)
            if "end" in message:
                self._ended = True
            elif "result" in message:
                try:
                    return _event(message["result"])
                except (KeyError, TypeError) as error:
                    raise UpstreamClosed(ENDED, "a recogniser's result can't be read") from error
        await trio.lowlevel.checkpoint()
        return None

    async def _write(self, frame: Frame) -> None:
        with trio.move_on_after(WRITE_SECONDS) as writing:
            await self._worker.write(frame)
        if writing.cancelled_caught:
            raise UpstreamUnavailable(
                STALLED,
                f"a recogniser process took no audio for {WRITE_SECONDS} s:"
                f" lower {self._worker.model.section}.workers_max, or give the machine more cores",
            )


def _listening(plan: StreamPlan) -> dict[str, Any]:
    """Build the fields of `recogniser.Listening`, from options already checked."""
    endpointing = plan.options.get("endpointing", ("true",))[0]
    utterance_end = plan.options.get("utterance_end_ms")
    return {
        "interim_results": plan.interim_results,
        "endpointing": endpointing != "false",
        "endpointing_ms": int(endpointing) if endpointing.isdigit() else None,
        "vad_events": plan.options.get("vad_events") == ("true",),
        "utterance_end_ms": int(utterance_end[0]) if utterance_end else None,
        "punctuated": plan.options.get("punctuate") != ("false",)
        or plan.options.get("smart_format") == ("true",),
    }


def _event(result: Mapping[str, Any]) -> UpstreamEvent:
    if "speech_started" in result:
        return SpeechStarted(result["speech_started"])
    if "utterance_end" in result:
        return UtteranceEnd(result["utterance_end"])
    words = tuple(Word(**word) for word in result["words"])
    return Transcript(**{**result, "words": words})


@asynccontextmanager
async def open_local(
    model: LocalModel, settings: config.LocalProcesses, quotas: Quotas | None = None
) -> AsyncIterator[LocalEngine]:
    """Run the engine of this model with its pool of processes.

    Raises MissingExtra where its packages are not installed.
    """
    async with open_pool(model, settings, quotas) as pool:
        yield LocalEngine(model, pool, Tariff(settings.rate))


async def check_local(model: LocalModel, settings: config.LocalProcesses) -> str | None:
    """Start one recogniser; return what is wrong and what to do, None when all is well."""
    problem: str | None = None
    try:
        alone = attrs.evolve(settings, workers_max=1, workers_spare=1)
        async with open_pool(model, alone) as pool:
            try:
                await pool.wait_ready()
            except UpstreamError as error:
                problem = error.hint
    except OperatorError as error:
        return str(error)
    return problem
