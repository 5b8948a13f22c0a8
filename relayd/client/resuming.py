"""A stream that goes on when its connection breaks: the same as `Stream`, over several of them.

Audio is kept for half a minute. A connection that is lost is opened again, after pauses that grow
and differ from app to app; the server says how far it got, the rest is sent as fast as it goes,
and words that were missed come then, each once. Where the session is gone, too (its server died,
or restarted), another one begins where words are not final yet.
"""

import random
import sys
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import attrs
import trio

from relayd.client import messages
from relayd.client.errors import ClientError, DisconnectedError, RefusedError
from relayd.client.kept import KeptAudio
from relayd.client.link import Deadlines
from relayd.client.resumption import Resumption
from relayd.client.session import Ending, Stream, open_stream
from relayd.client.transport import Connect, dial

if sys.version_info < (3, 11):
    from exceptiongroup import BaseExceptionGroup

__all__ = ["Patience", "ResumingStream", "open_resuming_stream"]

# A quarter of a second of 16 kHz linear16: what servers like.
_PIECE_BYTES: Final = 8000
# Messages read ahead of the app.
_QUEUE_MESSAGES: Final = 32
# What may be over in a moment: the server restarts, or has not noticed yet that we are cut off.
_PASSING: Final = frozenset(
    {
        "server_draining",
        "service_unavailable",
        "too_many_sessions",
        "upstream_closed",
        "upstream_unavailable",
        "internal_error",
    }
)


@attrs.frozen
class Patience:
    """How long to go on trying; seconds."""

    # Without a good connection; then the last failure is raised.
    whole: float = 60
    # Between two attempts: the first comes at once, then doubling, each cut down at random.
    least: float = 0.25
    most: float = 8
    # A connection that lived so long was a good one: after it, the next attempt comes at once.
    good: float = 1
    # Of the audio that is kept.
    kept: float = 30


@attrs.define(eq=False)
class ResumingStream:
    """What the app holds: see `relayd.client.Stream`. Made by `open_resuming_stream`."""

    open: Callable[[bool | Mapping[str, Any]], Any]
    resumption: Resumption
    patience: Patience
    ready: messages.Ready = attrs.field(init=False)
    ending: Ending | None = attrs.field(init=False, default=None)
    # How often the connection was lost and another one found.
    returns: int = attrs.field(init=False, default=0)
    _kept: KeptAudio = attrs.field(init=False)
    _stream: Stream | None = attrs.field(init=False, default=None)
    _stopping: bool = attrs.field(init=False, default=False)
    # Somebody is about it: whoever gives more meanwhile need not be.
    _sending: bool = attrs.field(init=False, default=False)
    _over: bool = attrs.field(init=False, default=False)
    _failure: ClientError | None = attrs.field(init=False, default=None)
    _used_seconds: float = attrs.field(init=False, default=0.0)
    _told_lost_seconds: float = attrs.field(init=False, default=0.0)
    _opened_at: float = attrs.field(init=False, default=0.0)
    # Of a return: to be said before what comes over the new connection.
    _news: deque[messages.Message] = attrs.field(init=False, factory=deque)
    # Set when who speaks has something to do, or it is over.
    _changed: trio.Event = attrs.field(init=False, factory=trio.Event)
    # What those wait for who have more than may be given now.
    _room: trio.Event | None = attrs.field(init=False, default=None)
    _say: trio.MemorySendChannel[messages.Message] = attrs.field(init=False)
    _heard: trio.MemoryReceiveChannel[messages.Message] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        most_bytes = int(self.patience.kept * self.resumption.bytes_per_second)
        self._kept = KeptAudio(most_bytes, self.resumption.block_bytes)
        self._say, self._heard = trio.open_memory_channel[messages.Message](_QUEUE_MESSAGES)

    @property
    def lost_seconds(self) -> float:
        """Audio that could not be sent again, because it was too old to be kept."""
        return self.resumption.lost_bytes / self.resumption.bytes_per_second

    async def send(self, audio: bytes) -> bool:
        """Send raw audio; False once it is over. Waits while as much is unsent as is kept.

        Cancelled while the socket is full, it costs the connection, and nothing else.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        while (
            not self._over
            and self._kept.room_bytes < len(audio)
            and self._kept.room_bytes < (self._kept.most_bytes)
        ):
            if self._room is None:
                self._room = trio.Event()
            await self._room.wait()
        if not self._over:
            self._kept.give(audio)
            # At once, by who has it: another task would have to be woken for each block.
            if self._stream is not None and not self._sending:
                await self._send_rest(self._stream)
        return not self._over

    async def finalize(self) -> bool:
        """Ask for the final results of everything sent so far; nothing while there is no line."""
        stream = self._stream
        return stream is not None and await stream.finalize()

    async def keepalive(self) -> bool:
        """Keep the session while no audio flows; nothing while there is no line."""
        stream = self._stream
        return stream is not None and await stream.keepalive()

    async def stop(self) -> bool:
        """No more audio: the last words and the ending follow."""
        await trio.lowlevel.checkpoint()
        self._stopping = True
        self._change()
        return not self._over

    def __aiter__(self) -> "ResumingStream":
        return self

    async def __anext__(self) -> messages.Message:
        """The next message; `Interrupted`, `Resumed` or `Ready`, and `Lost` tell of cuts."""
        try:
            return await self._heard.receive()
        except trio.EndOfChannel:
            if self._failure is not None:
                raise self._failure from None
            raise StopAsyncIteration from None

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        """Carry it over as many connections as it takes. Raises only where the first one fails."""
        try:
            problem = await self._carry_once(task_status.started)
            failures, lost_at = 0, trio.current_time()
            while problem is not None:
                if trio.current_time() - lost_at >= self.patience.whole:
                    self._failure = problem
                    return
                await self._pause(failures)
                failures += 1
                try:
                    problem = await self._carry_once(self._tell_of_return)
                except ClientError as error:
                    if isinstance(error, RefusedError) and error.code not in _PASSING:
                        self._failure = error
                        return
                    problem = error
                else:
                    now = trio.current_time()
                    if now - self._opened_at >= self.patience.good:
                        failures, lost_at = 0, now
        finally:
            self._over = True
            self._change()
            self._say.close()

    async def _carry_once(self, opened: Callable[[], object]) -> ClientError | None:
        """Open a connection and use it up; None where the stream is over, ``ending`` says how."""
        try:
            async with self.open(self.resumption.opening(self._kept.begin)) as stream:
                self._kept.send_again_from(self.resumption.opened(stream.ready, self._kept.begin))
                self.ready, self._stream = stream.ready, stream
                self._opened_at = trio.current_time()
                opened()
                problem = await self._carry(stream)
        finally:
            self._stream = None
            # Whether the rest arrived, nobody knows: it is kept like what was never sent.
            self._kept.send_again_from(self.resumption.taken_bytes)
        if problem is not None:
            await self._say.send(messages.Interrupted(str(problem)))
        return problem

    def _tell_of_return(self) -> None:
        self.returns += 1
        self._news.append(self.ready)
        if self.lost_seconds > self._told_lost_seconds:
            self._news.append(messages.Lost(self.lost_seconds - self._told_lost_seconds))
            self._told_lost_seconds = self.lost_seconds

    async def _pause(self, failures: int) -> None:
        if failures:
            longest = min(self.patience.least * 2 ** min(failures, 16), self.patience.most)
            # Half of it for certain: apps that were cut off together don't come back together.
            await trio.sleep(longest * (1 + random.random()) / 2)  # noqa: S311 - no secret

    async def _carry(self, stream: Stream) -> ClientError | None:
        """Speak and listen until the connection ends; why it did where that is not the end."""
        problem: ClientError | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._speak, stream)
            while self._news:
                await self._say.send(self._news.popleft())
            try:
                async for message in stream:
                    await self._hear(stream, message)
            except (DisconnectedError, RefusedError) as error:
                problem = error
            nursery.cancel_scope.cancel(reason="the connection is over")
        ending = stream.ending
        if ending is None:
            return problem
        self._used_seconds += ending.seconds_used or 0.0
        done = self._stopping and not self._kept.end > self.resumption.final_bytes
        if ending.reason in _PASSING and not done:
            return DisconnectedError(ending.error.message if ending.error else ending.reason)
        used = None if ending.seconds_used is None else self._used_seconds
        self.ending = attrs.evolve(ending, seconds_used=used)
        return None

    async def _speak(self, stream: Stream) -> None:
        """Send what waited for this connection, and the end; the rest goes out as it is given."""
        while True:
            changed = self._changed
            if self._sending:
                await changed.wait()
            elif not await self._send_rest(stream):
                return
            elif self._stopping:
                await stream.stop()
                return
            else:
                await changed.wait()

    async def _send_rest(self, stream: Stream) -> bool:
        """Send all that was given and not sent; False where this connection takes no more."""
        self._sending = True
        try:
            while self._stream is stream:
                piece = self._kept.next_piece(_PIECE_BYTES)
                if not piece:
                    return True
                self._tell_of_room()
                if not await stream.send(piece):
                    return False
            return False
        finally:
            self._sending = False
            # Who speaks has something to do, and waited for us.
            if self._stopping or self._kept.sent < self._kept.end:
                self._change()

    async def _hear(self, stream: Stream, message: messages.Message) -> None:
        heard = self.resumption.hear(message)
        self._kept.forget(self.resumption.final_bytes)
        if heard is not None and not _passes(heard):
            try:
                self._say.send_nowait(heard)
            except trio.WouldBlock:
                await self._say.send(heard)
        acknowledgement = self.resumption.acknowledgement()
        if acknowledgement is not None:
            await stream.acknowledge(acknowledgement)

    def _change(self) -> None:
        self._changed.set()
        self._changed = trio.Event()
        self._tell_of_room()

    def _tell_of_room(self) -> None:
        if self._room is not None:
            self._room.set()
            self._room = None


def _passes(message: messages.Message) -> bool:
    """What the app need not know: the session ends, the stream doesn't."""
    match message:
        case messages.Error(fatal=True, code=reason) | messages.SessionEnd(reason=reason):
            return reason in _PASSING
        case _:
            return False


@asynccontextmanager
async def open_resuming_stream(
    server_url: str,
    token: Callable[[], Awaitable[str]],
    config: Mapping[str, Any],
    *,
    deadlines: Deadlines | None = None,
    connect: Connect = dial,
    patience: Patience | None = None,
) -> AsyncIterator[ResumingStream]:
    """Connect, and go on over other connections where this one breaks. See `open_stream`.

    ``token`` is asked for an access token before each of them.
    """

    @asynccontextmanager
    async def one(resume: bool | Mapping[str, Any]) -> AsyncIterator[Stream]:
        async with open_stream(
            server_url,
            await token(),
            config,
            deadlines=deadlines,
            connect=connect,
            resume=resume,
        ) as stream:
            yield stream

    resuming = ResumingStream(one, Resumption.of(config), patience or Patience())
    failure: BaseException | None = None
    try:
        async with trio.open_nursery() as nursery:
            try:
                await nursery.start(resuming.run)
                yield resuming
            except BaseException as error:
                failure = error
                raise
            finally:
                nursery.cancel_scope.cancel(reason="the stream was left")
    except BaseExceptionGroup:
        if failure is None or isinstance(failure, trio.Cancelled):
            raise
        # The caller's own, as it is.
        raise failure from failure.__cause__
