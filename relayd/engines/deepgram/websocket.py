"""The client's half of one WebSocket, for engines: whole frames cut here, wsproto for the rest.

A result is read in the task that asks for it, and a frame of audio that the socket takes at once
costs one system call: no lock, no queue, no switch of tasks. Either happens several times a
second in every session, and with a library that awaits each step was measured to cost more than
all the rest of a session. Under TLS sends are awaited.
"""

import contextlib
import os
from collections import deque
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
from relayd.masking import mask
from relayd.outlet import Outlet

__all__ = ["RECEIVE_BYTES", "Ended", "Farewell", "Headers", "WebSocket"]

Headers = list[tuple[bytes, bytes]]

# Results are small and rare: a bigger buffer would only cost memory in every stream.
RECEIVE_BYTES: Final = 4096
# A result is a few KiB, a long one with words some tens.
MESSAGE_BYTES: Final = 256 * 2**10
# While we say goodbye everything is read, and the oldest go: the engine's total is among the
# last. One read brings fewer, so nothing else is ever dropped.
LAST_MESSAGES: Final = RECEIVE_BYTES
# A connection that takes nothing any more has nothing more to say either, after this.
LAST_WORDS_SECONDS: Final = 1.0

NORMAL: Final = 1000
PROTOCOL_ERROR: Final = 1002
ABNORMAL: Final = 1006
TOO_BIG: Final = 1009

# RFC 6455, section 5.2: a final text or binary frame; masked; payload lengths of one byte, where
# 126 and 127 announce two and eight more.
_TEXT: Final = 0x81
_BINARY: Final = 0x82
_MASKED: Final = 0x80
_RESERVED: Final = 0x70
_SHORT_MAX: Final = 125
_TWO_BYTES: Final = 126
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
    """An open connection. Everything raises `Ended` after its end.

    Pings are answered, and pongs and the end noticed, while somebody waits in `receive`.
    """

    stream: trio.abc.Stream
    protocol: Protocol
    headers: Headers
    closed: Farewell | None = None
    _inbox: deque[str | bytes] = attrs.field(factory=deque)
    _reading: bool = False
    _over: trio.Event = attrs.field(factory=trio.Event)
    _ponged: trio.Event = attrs.field(factory=trio.Event)
    _parts: list[str | bytes] = attrs.field(factory=list)
    _parts_size: int = 0
    # A frame of which more is to come.
    _left: bytes = b""
    _answers: bytes = b""
    _outlet: Outlet = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._outlet = Outlet(self.stream)

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
        """Understand what was read: frame by frame, of which the unfinished last one is kept."""
        data = self._left + data
        at = 0
        try:
            while self.closed is None and (bounds := _bounds(data, at)) is not None:
                body, end = bounds
                if end - body > MESSAGE_BYTES:
                    self._end(TOO_BIG, "a message too long to be a result")
                elif end > len(data):
                    break
                elif data[at] == _TEXT and not self._parts:
                    # All that a healthy engine sends until it closes.
                    self._deliver(data[body:end].decode())
                else:
                    self._parse(data[at:end])
                at = end
        except (ProtocolError, UnicodeDecodeError):
            self._end(PROTOCOL_ERROR, "bytes that are no WebSocket")
        self._left = data[at:]

    def _parse(self, frame: bytes) -> None:
        self.protocol.receive_data(frame)
        for event in self.protocol.events():
            self._heed(event)

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

    def _end(self, code: int, reason: str | None) -> None:
        if self.closed is None:
            self.closed = Farewell(code, reason)
            self._parts.clear()
            self._ponged.set()
            self._over.set()

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
            await self._read_to_end()
        self._end(ABNORMAL, None)
        raise Ended


def _bounds(data: bytes, at: int) -> tuple[int, int] | None:
    """Where the payload of the frame at ``at`` begins and ends; None before its length is there."""
    head = data[at + 1 : at + 10]
    if not head:
        return None
    if data[at] & _RESERVED or head[0] & _MASKED:
        raise ProtocolError("an extension that nobody asked for, or a server's mask")
    size = head[0]
    if size <= _SHORT_MAX:
        return at + 2, at + 2 + size
    wide = 3 if size == _TWO_BYTES else 9
    if len(head) < wide:
        return None
    body = at + 1 + wide
    return body, body + int.from_bytes(head[1:wide], "big")


def _binary_frame(audio: bytes) -> bytes:
    """Audio as one masked frame (sections 5.2 and 5.3)."""
    size = len(audio)
    if size <= _SHORT_MAX:
        head = bytes((_BINARY, _MASKED | size))
    elif size <= _TWO_BYTES_MAX:
        head = bytes((_BINARY, _MASKED | _TWO_BYTES, size >> 8, size & 0xFF))
    else:
        head = bytes((_BINARY, _MASKED | _TWO_BYTES + 1)) + size.to_bytes(8, "big")
    key = os.urandom(4)
    return head + key + mask(audio, key)


def _joined(parts: list[str | bytes]) -> str | bytes:
    if isinstance(parts[0], str):
        return "".join(part for part in parts if isinstance(part, str))
    return b"".join(part for part in parts if isinstance(part, bytes))
