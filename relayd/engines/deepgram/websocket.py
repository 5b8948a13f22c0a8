"""The client's half of one WebSocket, for engines: wsproto inside, and one task that reads.

A frame of audio that the socket takes at once costs one system call: no lock, no queue, no switch
of tasks. It goes out ten times a second in every session, and with a library that awaits each
step it was measured to cost more than all the rest of a session. Under TLS sends are awaited.
"""

import contextlib
import os
from collections import deque
from functools import lru_cache
from typing import Final

import attrs
import trio
from wsproto.connection import Connection as Protocol
from wsproto.connection import ConnectionState
from wsproto.events import (
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Pong,
    TextMessage,
)
from wsproto.utilities import ProtocolError

from relayd.inlet import read_socket
from relayd.outlet import Outlet

__all__ = ["RECEIVE_BYTES", "Ended", "Farewell", "Headers", "WebSocket"]

Headers = list[tuple[bytes, bytes]]

# Results are small and rare: a bigger buffer would only cost memory in every stream.
RECEIVE_BYTES: Final = 4096
# A result is a few KiB, a long one with words some tens.
MESSAGE_BYTES: Final = 256 * 2**10
# Eight are two seconds of results, in which the session must have taken one. At worst 8 times
# 256 KiB wait, from an engine gone mad, and what one read brought.
INBOX_MESSAGES: Final = 8
# While we say goodbye everything is read, and the oldest go: the engine's total is among the
# last. One read brings fewer, so nothing else is ever dropped.
LAST_MESSAGES: Final = RECEIVE_BYTES
# A connection that takes nothing any more has nothing more to say either, after this.
LAST_WORDS_SECONDS: Final = 1.0

NORMAL: Final = 1000
ABNORMAL: Final = 1006
TOO_BIG: Final = 1009
OPEN: Final = ConnectionState.OPEN

# RFC 6455, section 5.2: a final text or binary frame; masked; payload lengths of one byte, where
# 126 and 127 announce two and eight more.
_TEXT: Final = 0x81
_BINARY: Final = 0x82
_MASKED: Final = 0x80
_SHORT_MAX: Final = 125
_TWO_BYTES_MAX: Final = 0xFFFF

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
    """An open connection; `read` must run beside it. Everything raises `Ended` after its end."""

    stream: trio.abc.Stream
    protocol: Protocol
    headers: Headers
    closed: Farewell | None = None
    _inbox: deque[str | bytes] = attrs.field(factory=deque)
    _arrived: trio.Event = attrs.field(factory=trio.Event)
    _taken: trio.Event = attrs.field(factory=trio.Event)
    _over: trio.Event = attrs.field(factory=trio.Event)
    _ponged: trio.Event = attrs.field(factory=trio.Event)
    _parts: list[str | bytes] = attrs.field(factory=list)
    _parts_size: int = 0
    # An unfinished text; and whether wsproto has begun to parse, which it goes on with then.
    _left: bytes = b""
    _parsing: bool = False
    _answers: bytes = b""
    _outlet: Outlet = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._outlet = Outlet(self.stream)

    async def receive(self) -> str | bytes:
        """The next message; those that came before the end still do. Cancelling loses nothing."""
        if self._inbox:
            await trio.lowlevel.checkpoint()
        while not self._inbox:
            if self.closed is not None:
                raise Ended
            self._arrived = trio.Event()
            await self._arrived.wait()
        self._taken.set()
        return self._inbox.popleft()

    def send_at_once(self, audio: bytes) -> bool:
        """Send audio if that needs no waiting; False where nothing was sent."""
        return self.closed is None and self._outlet.send_at_once(_binary_frame(audio))

    async def send(self, message: str | bytes) -> None:
        """Send one message: text, or audio. One that is cancelled leaves half a frame behind."""
        if isinstance(message, str):
            await self._say(TextMessage(data=message))
        elif not self.send_at_once(message):
            await self._push(_binary_frame(message))

    async def ping(self) -> None:
        """Ping, and wait for the answer."""
        self._ponged = trio.Event()
        await self._say(Ping())
        await self._ponged.wait()
        if self.closed is not None:
            raise Ended

    async def close(self) -> None:
        """Say goodbye and wait until it is answered."""
        if self.closed is None:
            await self._say(CloseConnection(code=NORMAL))
        self._taken.set()
        await self._over.wait()

    async def read(self) -> None:
        """Read until the end of the connection. Raises nothing but cancellation."""
        try:
            while self.closed is None:
                while len(self._inbox) >= INBOX_MESSAGES and self.protocol.state is OPEN:
                    self._taken = trio.Event()
                    await self._taken.wait()
                await self._read_once()
                if self._answers:
                    await self._answer()
        finally:
            self._end(ABNORMAL, None)
            self._over.set()

    async def _read_once(self) -> None:
        try:
            if isinstance(self.stream, trio.SocketStream):
                data: bytes | bytearray = await read_socket(self.stream.socket, RECEIVE_BYTES)
            else:
                data = await self.stream.receive_some(RECEIVE_BYTES)
        except LOST:
            data = b""
        if data:
            self.take(bytes(data))
        else:
            self._end(ABNORMAL, None)

    def take(self, data: bytes) -> None:
        """Understand what was read."""
        try:
            rest = data if self._parsing else self._take_texts(self._left + data)
            if rest:
                self._parsing = True
                self.protocol.receive_data(rest)
                for event in self.protocol.events():
                    self._heed(event)
        except (ProtocolError, UnicodeDecodeError):
            # Bytes that are no WebSocket.
            self._end(ABNORMAL, None)

    def _take_texts(self, data: bytes) -> bytes:
        """Hand out whole texts, which is all that a healthy engine sends until it closes.

        Returns what is for wsproto to parse, and everything after it; an unfinished text is kept.
        """
        at, end = 0, len(data)
        while at < end and data[at] == _TEXT:
            head = data[at + 1 : at + 4]
            size, body = (head[0], at + 2) if head else (0, end + 1)
            if size > _SHORT_MAX + 1:
                break
            if size > _SHORT_MAX:
                size, body = int.from_bytes(head[1:], "big"), at + 4
            if body + size > end:
                self._left = data[at:]
                return b""
            self._deliver(data[body : body + size].decode())
            at = body + size
        self._left = b""
        return data[at:]

    def _heed(self, event: Event) -> None:
        match event:
            case TextMessage() | BytesMessage():
                self._collect(event)
            case Ping():
                # Of several pings only the latest needs an answer (section 5.5.3).
                self._answers = self.protocol.send(event.response())
            case Pong():
                self._ponged.set()
            case CloseConnection(code=code, reason=reason):
                if self.protocol.state is ConnectionState.REMOTE_CLOSING:
                    self._answers = self.protocol.send(event.response())
                self._end(code, reason)

    def _collect(self, event: TextMessage | BytesMessage) -> None:
        self._parts_size += len(event.data)
        if self._parts_size > MESSAGE_BYTES:
            self._end(TOO_BIG, "a message too long to be a result")
            return
        self._parts.append(event.data if isinstance(event.data, str) else bytes(event.data))
        if event.message_finished:
            parts, self._parts, self._parts_size = self._parts, [], 0
            self._deliver(parts[0] if len(parts) == 1 else _joined(parts))

    def _deliver(self, message: str | bytes) -> None:
        self._inbox.append(message)
        if len(self._inbox) > LAST_MESSAGES:
            self._inbox.popleft()
        self._arrived.set()

    def _end(self, code: int, reason: str | None) -> None:
        if self.closed is None:
            self.closed = Farewell(code, reason)
            self._parts.clear()
            self._ponged.set()
            self._arrived.set()

    async def _answer(self) -> None:
        answers, self._answers = self._answers, b""
        # Where it is not taken, nothing is: whoever watches over the sends cuts the stream.
        with contextlib.suppress(*LOST):
            await self._outlet.send(answers)

    async def _say(self, event: Event) -> None:
        if self.protocol.state is not ConnectionState.OPEN:
            raise Ended
        await self._push(self.protocol.send(event))

    async def _push(self, data: bytes) -> None:
        if self.closed is not None:
            raise Ended
        with contextlib.suppress(*LOST):
            await self._outlet.send(data)
            return
        # Why is what stands before the end of what can be read.
        with trio.move_on_after(LAST_WORDS_SECONDS):
            await self._over.wait()
        self._end(ABNORMAL, None)
        raise Ended


def _binary_frame(audio: bytes) -> bytes:
    """Audio as one masked frame (sections 5.2 and 5.3)."""
    size = len(audio)
    if size <= _SHORT_MAX:
        head = bytes((_BINARY, _MASKED | size))
    elif size <= _TWO_BYTES_MAX:
        head = bytes((_BINARY, _MASKED | 126, size >> 8, size & 0xFF))
    else:
        head = bytes((_BINARY, _MASKED | 127)) + size.to_bytes(8, "big")
    key = os.urandom(4)
    # As two long numbers: a tenth of what a loop over bytes would cost.
    mask = int.from_bytes(key, "little") * _repeat(size)
    if size & 3:
        mask &= (1 << 8 * size) - 1
    return head + key + (int.from_bytes(audio, "little") ^ mask).to_bytes(size, "little")


@lru_cache(maxsize=64)
def _repeat(size: int) -> int:
    """The factor that repeats four bytes over so many; apps send frames of few sizes."""
    return int.from_bytes(b"\1\0\0\0" * ((size + 3) >> 2), "little")


def _joined(parts: list[str | bytes]) -> str | bytes:
    if isinstance(parts[0], str):
        return "".join(part for part in parts if isinstance(part, str))
    return b"".join(part for part in parts if isinstance(part, bytes))
