"""The streaming phase of a session: three tasks, and the orderly way out of them.

A reason to end stops the listening first. Where both ends are still there, the audio already
admitted is delivered, the engine is told to finish, and its last words are waited for under
a deadline, all while the reading of its results simply goes on.
"""

from collections.abc import Callable

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
)
from relayd.session.endings import Ending, EndReason
from relayd.session.limits import SessionLimits
from relayd.session.outbox import Outbox
from relayd.session.ports import Client
from relayd.speech.engine import Upstream
from relayd.speech.words import UpstreamEvent

__all__ = ["Relay"]


@attrs.define(eq=False)
class Relay:
    """Carries audio up and words down until a reason to end is given."""

    client: Client
    dialect: Dialect
    upstream: Upstream
    allowance: Allowance
    outbox: Outbox
    ending: Ending
    limits: SessionLimits
    results: int = 0
    malformed: int = 0
    # Of the frame that could not be passed up at once.
    _admitted: int = 0
    _heard_at: float = attrs.field(factory=trio.current_time)
    # `trio.current_time` without looking up whose run this is, which a frame would notice.
    _now: Callable[[], float] = attrs.field(factory=lambda: current_clock().current_time)
    _listening: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    _finishing: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    _client_read: trio.Event = attrs.field(factory=trio.Event)
    _upstream_read: trio.Event = attrs.field(factory=trio.Event)

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

    async def read_upstream(self) -> None:
        """Pass results on until the engine ends the stream."""
        await self.upstream.receive(self._pass_down)
        self._upstream_read.set()
        # Without effect where the engine was told to finish.
        self.ending.give(EndReason.UPSTREAM_CLOSED)

    def _pass_down(self, event: UpstreamEvent) -> bool:
        """Say a result to the client; called in the task that read it."""
        self.results += 1
        self.outbox.say(self.dialect.result(event))
        return True

    def _pass_up(self, message: str | bytes) -> bool:
        """Send audio to the engine, if that needs no waiting; called in the task that read it."""
        if isinstance(message, str):
            return False
        if not message:
            return True
        now, size = self._now, len(message)
        self._heard_at = now()
        admitted = self._admitted = self.allowance.admit(size)
        return admitted == size and self.upstream.send_audio_at_once(message)

    async def _take_message(self) -> None:
        message: str | bytes = b""
        with trio.CancelScope(deadline=self._heard_at + self.limits.idle_seconds) as listening:
            # The scope is the way to stop the listening without cutting a frame on its way up.
            self._listening = listening
            message = await self.client.receive(self._pass_up)
        if isinstance(message, str):
            await self._obey(message)
        elif message:
            await self._pass_on(message, self._admitted)
        # Else the deadline may have been that of an earlier frame.
        elif trio.current_time() >= self._heard_at + self.limits.idle_seconds:
            self.ending.give(EndReason.IDLE_TIMEOUT)

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
        match self.dialect.parse(text):
            case Audio(data) if data:
                self._heard_at = trio.current_time()
                await self._pass_on(data, self.allowance.admit(len(data)))
            case Finalize():
                await self.upstream.finalize()
            case KeepAlive():
                self._heard_at = trio.current_time()
            case Finish():
                self.ending.give(EndReason.COMPLETED)
            case Introduction():
                self._complain("This session is authenticated already.")
            case Malformed(problem):
                self._complain(problem)

    def _complain(self, problem: str) -> None:
        self.malformed += 1
        self.outbox.say(self.dialect.complaint(problem))

    async def _finish(self) -> None:
        with self._finishing:
            self._finishing.deadline = trio.current_time() + self.limits.finish_seconds
            self._listening.cancel()
            await self._client_read.wait()
            await self.upstream.finish()
            await self._upstream_read.wait()
