"""The streaming phase of a session: three tasks, and the orderly way out of them.

A reason to end stops the listening first. Where both ends are still there, the audio already
admitted is delivered, the engine is told to finish, and its last words are waited for under
a deadline, all while the reading of its results simply goes on.
"""

import math
from collections.abc import Callable
from typing import Final

import attrs
import trio
from trio.lowlevel import current_clock

from relayd.session.allowance import Allowance
from relayd.session.dialect import (
    Audio,
    Dialect,
    Finalize,
    Finish,
    Introduction,
    KeepAlive,
    Malformed,
    Received,
)
from relayd.session.endings import Ending, EndReason
from relayd.session.hearers import Hearer, Hearers
from relayd.session.limits import SessionLimits
from relayd.session.line import Line
from relayd.speech.engine import Upstream
from relayd.speech.tariff import Tariff
from relayd.speech.words import EngineChanged, UpstreamEvent

__all__ = ["Relay"]

# Smaller pieces of audio go up together: a byte a message would cost the engine as much work as a
# tenth of a second, and the credit of a byte.
LEAST_MS: Final = 20
# For the rest of them to come; what came by then goes up.
JOIN_SECONDS: Final = 0.05
# Asking an engine for its results again sooner than this says nothing new.
FINALIZE_SECONDS: Final = 1.0


@attrs.define(eq=False)
class Relay:
    """Carries audio up and words down until a reason to end is given."""

    line: Line
    dialect: Dialect
    upstream: Upstream
    allowance: Allowance
    ending: Ending
    limits: SessionLimits
    hearers: Hearers
    results: int = 0
    engine_changes: int = 0
    malformed: int = 0
    # Of the audio that could not be passed up at once.
    _admitted: int = 0
    # What is too little to go up by itself, not admitted yet, and until when it waits for more.
    _least_bytes: int = attrs.field(init=False)
    _little: bytes = b""
    _little_until: float = math.inf
    # When a finalize that came too soon is due, and before when the next one is too soon.
    _finalize_at: float = math.inf
    _finalize_from: float = -math.inf
    # The last audio, and the last keepalive.
    _heard_at: float = attrs.field(factory=trio.current_time)
    _alive_at: float = attrs.field(factory=trio.current_time)
    # `trio.current_time` without looking up whose run this is, which a frame would notice.
    _now: Callable[[], float] = attrs.field(factory=lambda: current_clock().current_time)
    _listening: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    _finishing: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    _client_read: trio.Event = attrs.field(factory=trio.Event)
    _upstream_read: trio.Event = attrs.field(factory=trio.Event)

    def __attrs_post_init__(self) -> None:
        self._least_bytes = self.allowance.meter.format.bytes_per_second * LEAST_MS // 1000

    @property
    def taken_bytes(self) -> int:
        """How much of the app's audio need not be sent again."""
        return self.allowance.meter.admitted_bytes + len(self._little)

    async def run(self) -> None:
        """Return once the last words are out, or at once where nobody could hear them."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.read_client)
            nursery.start_soon(self.read_upstream)
            nursery.start_soon(self.allowance.keep)
            with trio.move_on_after(self.limits.session_seconds) as streaming:
                self.ending.cancels(streaming)
                await trio.sleep_forever()
            self.ending.give(EndReason.SESSION_LIMIT)
            assert self.ending.reason is not None
            if self.ending.reason.orderly:
                await self._finish()
            nursery.cancel_scope.cancel(reason=self.ending.reason.label)

    def cut(self) -> None:
        """Nobody listens any more: don't wait for last words."""
        self._finishing.cancel()

    async def read_client(self) -> None:
        """Take the client's messages in order; the only task that sends to the engine."""
        try:
            while self.ending.reason is None:
                await self._take_message()
        finally:
            self._client_read.set()
            self.line.deafen()

    async def read_upstream(self) -> None:
        """Pass results on until the engine ends the stream."""
        await self.upstream.receive(self._pass_down)
        self._upstream_read.set()
        # Without effect where the engine was told to finish.
        self.ending.give(EndReason.UPSTREAM_CLOSED)

    def _pass_down(self, event: UpstreamEvent) -> bool:
        """Say a result to the client; called in the task that read it."""
        if isinstance(event, EngineChanged):
            self.engine_changes += 1
            hearer = Hearer(event.engine, event.model, event.rate)
            self.hearers.go_on(hearer, self.allowance.meter.used_ms)
            self.allowance.lower_price(Tariff(event.rate))
        else:
            self.results += 1
        self.line.say_result(event)
        return True

    def _pass_up(self, message: str | bytes) -> bool:
        """Send audio to the engine, if that needs no waiting; called in the task that read it."""
        if isinstance(message, str):
            return False
        now, size = self._now, len(message)
        if size < self._least_bytes or self._little:
            return self._join(message)
        self._heard_at = now()
        admitted = self._admitted = self.allowance.admit(size)
        return admitted == size and self.upstream.send_audio_at_once(message)

    def _join(self, piece: bytes) -> bool:
        """The same for a small piece: with those before it, as soon as they come to enough."""
        if not piece:
            return True
        self._heard_at = trio.current_time()
        audio = self._little + piece
        if len(audio) < self._least_bytes:
            if not self._little:
                self._little_until = self._heard_at + JOIN_SECONDS
                self._listening.deadline = min(self._listening.deadline, self._little_until)
            self._little = audio
            return True
        self._admitted = self.allowance.admit(len(audio))
        if self._admitted < len(audio) or not self.upstream.send_audio_at_once(audio):
            # The task that reads has the last piece, and takes the rest from here.
            return False
        self._with_little()
        return True

    def _with_little(self, piece: bytes = b"") -> bytes:
        """What waited for more, and this behind it; it waits no longer."""
        audio, self._little, self._little_until = self._little + piece, b"", math.inf
        return audio

    async def _take_message(self) -> None:
        message: str | bytes = b""
        with trio.CancelScope(deadline=self._listening_until) as listening:
            # The scope is the way to stop the listening without cutting a frame on its way up.
            self._listening = listening
            message = await self.line.receive(self._pass_up)
        if isinstance(message, str):
            await self._obey(message)
        elif message:
            await self._pass_on(self._with_little(message), self._admitted)
        # Else the deadline may have been that of an earlier frame.
        elif self.ending.reason is None:
            await self._look_after(trio.current_time())

    @property
    def _listening_until(self) -> float:
        return min(self._idle_at, self._audioless_at, self._little_until, self._finalize_at)

    @property
    def _idle_at(self) -> float:
        return max(self._heard_at, self._alive_at) + self.limits.idle_seconds

    @property
    def _audioless_at(self) -> float:
        return self._heard_at + self.limits.audioless_seconds

    async def _look_after(self, now: float) -> None:
        """Do what is due."""
        if now >= self._little_until:
            await self._send_little()
        if now >= self._finalize_at:
            await self._finalize(now)
        if now >= self._idle_at:
            self.ending.give(EndReason.IDLE_TIMEOUT)
        elif now >= self._audioless_at:
            self.ending.give(EndReason.IDLE_TIMEOUT, "No audio came for too long.")

    async def _send_little(self) -> None:
        """Wait no longer for more."""
        audio = self._with_little()
        if audio:
            await self._pass_on(audio, self.allowance.admit(len(audio)))

    async def _finalize(self, now: float) -> None:
        """Ask for results, or, where that was done just now, do so a little later."""
        self._finalize_at = self._finalize_from
        if now >= self._finalize_from:
            self._finalize_at, self._finalize_from = math.inf, now + FINALIZE_SECONDS
            await self.upstream.finalize()

    async def _pass_on(self, audio: bytes, admitted: int) -> None:
        """Send audio of which this much is admitted, and the rest as more hold comes."""
        while admitted < len(audio):
            if admitted:
                await self.upstream.send_audio(audio[:admitted])
                audio = audio[admitted:]
            if not await self._extend():
                return
            admitted = self.allowance.admit(len(audio))
        await self.upstream.send_audio(audio)

    async def _extend(self) -> bool:
        """Wait for more hold, but not past the end of the session."""
        if self.ending.reason is not None:
            return False
        extended = False
        with trio.CancelScope() as listening:
            self._listening = listening
            extended = await self.allowance.extend()
        # The waiting was ours, not the client's silence.
        self._heard_at = trio.current_time()
        return extended

    async def _obey(self, text: str) -> None:
        said = self.dialect.parse(text)
        if isinstance(said, Audio):
            if not self._pass_up(said.data):
                await self._pass_on(self._with_little(said.data), self._admitted)
            return
        if isinstance(said, Received):
            self.line.acknowledge(said.number)
            return
        # What it says is said of all the audio before it.
        await self._send_little()
        match said:
            case Finalize():
                await self._finalize(trio.current_time())
            case KeepAlive():
                self._alive_at = trio.current_time()
            case Finish():
                self.ending.give(EndReason.COMPLETED)
            case Introduction():
                self._complain("This session is authenticated already.")
            case Malformed(problem):
                self._complain(problem)

    def _complain(self, problem: str) -> None:
        self.malformed += 1
        self.line.say(self.dialect.complaint(problem))

    async def _finish(self) -> None:
        with self._finishing:
            self._finishing.deadline = trio.current_time() + self.limits.finish_seconds
            self._listening.cancel()
            await self._client_read.wait()
            await self.upstream.finish()
            await self._upstream_read.wait()
