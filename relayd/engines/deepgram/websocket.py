"""The client's half of one WebSocket, for engines, over a Trio stream.

A result is read in the task that asks for it, and a frame of audio that the socket takes at once
costs one system call: no lock, no queue, no switch of tasks. Either happens several times a
second in every session, and with a library that awaits each step was measured to cost more than
all the rest of a session. Under TLS sends are awaited.
"""

import contextlib
from collections import deque
from typing import Final

import attrs
import trio

from relayd.websocket.decoder import Bounds, Decoder
from relayd.websocket.decoder import Ended as HalfOver
from relayd.websocket.frames import (
    ABNORMAL,
    NORMAL,
    close_frame,
    data_frame,
    ping_frame,
)
from relayd.websocket.inlet import read_socket
from relayd.websocket.outlet import Outlet

__all__ = ["RECEIVE_BYTES", "Ended", "Farewell", "Headers", "WebSocket"]

Headers = tuple[tuple[bytes, bytes], ...]

# Results are small and rare: a bigger buffer would only cost memory in every stream.
RECEIVE_BYTES: Final = 4096
# A result is a few KiB, a long one with words some tens.
MESSAGE_BYTES: Final = 256 * 2**10
# While we say goodbye everything is read, and the oldest go: the engine's total is among the
# last. One read brings fewer, so nothing else is ever dropped.
LAST_MESSAGES: Final = RECEIVE_BYTES
# A connection that takes nothing any more has nothing more to say either, after this.
LAST_WORDS_SECONDS: Final = 1.0

_BOUNDS: Final = Bounds(MESSAGE_BYTES, MESSAGE_BYTES)

LOST: Final = (trio.BrokenResourceError, trio.ClosedResourceError, OSError)


class Ended(Exception):  # noqa: N818 - named for what happened, as trio names its own
    """The connection is over; `WebSocket.closed` says how."""


@attrs.frozen
class Farewell:
    """How a connection ended; 1006 where the far end said nothing."""

    code: int
    reason: str | None


@attrs.define(eq=False)
class WebSocket:
    """An open connection. Everything raises `Ended` after its end.

    Pings are answered, and pongs and the end noticed, while somebody waits in `receive`.
    """

    stream: trio.abc.Stream
    headers: Headers = ()
    closed: Farewell | None = None
    _inbox: deque[str | bytes] = attrs.field(factory=deque)
    _reading: bool = False
    _over: trio.Event = attrs.field(factory=trio.Event)
    _ponged: trio.Event = attrs.field(factory=trio.Event)
    _closing: bool = False
    _answers: bytes = b""
    _decoder: Decoder = attrs.field(factory=lambda: Decoder(_BOUNDS, masked=False))
    _outlet: Outlet = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._outlet = Outlet(self.stream)

    async def begin(self, early: bytes) -> None:
        """Take what came together with the 101."""
        self.take(early)
        if self._answers:
            await self._answer()

    async def receive(self) -> str | bytes:
        """The next message; those that came before the end still do. Cancelling loses nothing.

        For one task at a time.
        """
        if self._inbox:
            await trio.lowlevel.checkpoint()
        while not self._inbox:
            if self.closed is not None:
                raise Ended
            await self._read_once()
        return self._inbox.popleft()

    def send_at_once(self, audio: bytes) -> bool:
        """Send audio if that needs no waiting; False where nothing was sent."""
        return self.closed is None and self._outlet.send_at_once(data_frame(audio, masked=True))

    async def send(self, message: str | bytes) -> None:
        """Send one message: text, or audio. One that is cancelled leaves half a frame behind."""
        if isinstance(message, str):
            await self._say(data_frame(message, masked=True))
        elif not self.send_at_once(message):
            await self._push(data_frame(message, masked=True))

    async def ping(self) -> None:
        """Ping, and wait for the answer."""
        self._ponged = trio.Event()
        await self._say(ping_frame(masked=True))
        await self._ponged.wait()
        if self.closed is not None:
            raise Ended

    async def close(self) -> None:
        """Say goodbye and wait until it is answered."""
        if self.closed is None:
            self._closing = True
            await self._push(close_frame(NORMAL, masked=True))
        await self._read_to_end()

    async def _read_to_end(self) -> None:
        """Read until the end, or wait for whom else reads to get there."""
        if self._reading:
            await self._over.wait()
        while self.closed is None:
            await self._read_once()

    async def _read_once(self) -> None:
        assert not self._reading
        self._reading = True
        try:
            if isinstance(self.stream, trio.SocketStream):
                data: bytes | bytearray = await read_socket(self.stream.socket, RECEIVE_BYTES)
            else:
                data = await self.stream.receive_some(RECEIVE_BYTES)
        except LOST:
            data = b""
        finally:
            self._reading = False
        if data:
            self.take(bytes(data))
        else:
            self._end(ABNORMAL, None)
        if self._answers:
            await self._answer()

    def take(self, data: bytes) -> None:
        """Understand what was read."""
        self._decoder.feed(data)
        while (message := self._decoder.next_message()) is not None:
            self._deliver(message)
        self._answers += self._decoder.answers()
        if self._decoder.ponged:
            self._decoder.ponged = False
            self._ponged.set()
        ended = self._decoder.ended
        if ended is not None and self.closed is None:
            if not self._closing:
                self._answers += close_frame(ended.answer, _blame(ended), masked=True)
            self._end(ended.answer, ended.detail)

    def _deliver(self, message: str | bytes) -> None:
        self._inbox.append(message)
        if len(self._inbox) > LAST_MESSAGES:
            self._inbox.popleft()

    def _end(self, code: int, reason: str | None) -> None:
        if self.closed is None:
            self.closed = Farewell(code, reason)
            self._ponged.set()
            self._over.set()

    async def _answer(self) -> None:
        answers, self._answers = self._answers, b""
        # Where it is not taken, nothing is: whoever watches over the sends cuts the stream.
        with contextlib.suppress(*LOST):
            await self._outlet.send(answers)

    async def _say(self, data: bytes) -> None:
        if self._closing:
            raise Ended
        await self._push(data)

    async def _push(self, data: bytes) -> None:
        if self.closed is not None:
            raise Ended
        with contextlib.suppress(*LOST):
            await self._outlet.send(data)
            return
        # Why is what stands before the end of what can be read.
        with trio.move_on_after(LAST_WORDS_SECONDS):
            await self._read_to_end()
        self._end(ABNORMAL, None)
        raise Ended


def _blame(ended: HalfOver) -> str:
    """What the close frame says: a proper close is echoed with its code alone."""
    return "" if ended.clean else ended.detail
