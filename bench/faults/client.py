"""An app of raw bytes: it can do what no library would, and knows when everything happened."""

import json
import socket
import struct
from typing import Any, Final

import attrs
import trio

from bench.wire import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    FrameReader,
    close_code,
    frame,
    upgrade_request,
)

__all__ = [
    "BYTES_PER_MS",
    "MASK",
    "NORMAL",
    "NO_CREDIT",
    "RESTART",
    "App",
    "connect",
    "connect_from",
]

BYTES_PER_MS: Final = 32
# Close codes.
NORMAL: Final = 1000
RESTART: Final = 1012
NO_CREDIT: Final = 4402
MASK: Final = bytes((0x37, 0xFA, 0x21, 0x3D))

_READ_BYTES: Final = 65_536
_OPEN_SECONDS: Final = 30


@attrs.define(eq=False)
class App:
    """One WebSocket to a daemon, upgraded and not yet authenticated."""

    stream: trio.SocketStream
    # Messages with the time they came.
    heard: list[tuple[float, dict[str, Any]]] = attrs.field(factory=list)
    close_code: int | None = None
    ended_at: float | None = None
    sent_ms: int = 0
    _reader: FrameReader = attrs.field(factory=FrameReader)
    _sending: trio.Lock = attrs.field(factory=trio.Lock)

    async def open(self, token: str, config: dict[str, Any] | None = None) -> dict[str, Any]:
        """Authenticate and wait for the answer: ``ready``, or the error."""
        await self.say({"type": "auth", "token": token, "config": config or {}})
        with trio.fail_after(_OPEN_SECONDS):
            await self.hear()
            while not self.heard and self.ended_at is None:
                await self.hear()
        return self.heard[0][1] if self.heard else {}

    async def say(self, message: dict[str, Any]) -> None:
        """Send one text message."""
        await self.send(frame(TEXT, json.dumps(message).encode(), MASK))

    async def send(self, data: bytes) -> None:
        """Send bytes of whole frames; several tasks may."""
        async with self._sending:
            await self.stream.send_all(data)

    async def speak(self, audio_ms: int) -> None:
        """Send silence."""
        await self.send(frame(BINARY, bytes(audio_ms * BYTES_PER_MS), MASK))
        self.sent_ms += audio_ms

    async def speak_on(self, frame_ms: int = 100, pace: float = 1.0, most_ms: int = 10**9) -> None:
        """Speak at this multiple of live pace until the connection ends, or all is said."""
        due = trio.current_time()
        try:
            while self.sent_ms < most_ms and self.ended_at is None:
                await self.speak(min(frame_ms, most_ms - self.sent_ms))
                due += frame_ms / 1000 / pace
                await trio.sleep_until(due)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return

    async def listen(self) -> None:
        """Take note of everything until the connection ends."""
        while self.ended_at is None:
            await self.hear()

    async def hear(self) -> None:
        """Read once."""
        try:
            data = await self.stream.receive_some(_READ_BYTES)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            data = b""
        if not data:
            self.ended_at = self.ended_at or trio.current_time()
            return
        for one in self._reader.feed(data):
            if one.opcode == TEXT:
                self.heard.append((trio.current_time(), json.loads(one.payload)))
            elif one.opcode == PING:
                await self._answer(frame(PONG, one.payload, MASK))
            elif one.opcode == CLOSE:
                self.close_code = close_code(one.payload)
                self.ended_at = trio.current_time()
                await self._answer(frame(CLOSE, one.payload, MASK))

    def last(self, kind: str) -> tuple[float, dict[str, Any]] | None:
        """The latest message of this type."""
        return next((one for one in reversed(self.heard) if one[1].get("type") == kind), None)

    def reset(self) -> None:
        """Leave with an RST."""
        self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.stream.socket.close()

    async def _answer(self, data: bytes) -> None:
        try:
            await self.send(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return


async def connect(port: int, headers: str = "", receive_buffer: int = 0) -> App:
    """Connect to a daemon and upgrade."""
    sock = socket.socket()
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    return await connect_from(sock, "127.0.0.1", port, headers)


async def connect_from(sock: socket.socket, host: str, port: int, headers: str = "") -> App:
    """The same from a socket that was made elsewhere."""
    stream = trio.SocketStream(await _connected(sock, host, port))
    with trio.fail_after(_OPEN_SECONDS):
        await stream.send_all(upgrade_request(f"{host}:{port}", "/ws/transcribe", headers))
        head = b""
        while b"\r\n\r\n" not in head:
            data = await stream.receive_some(_READ_BYTES)
            if not data:
                raise ConnectionError(f"no answer to the upgrade: {head!r}")
            head += data
    if b" 101 " not in head.partition(b"\r\n")[0]:
        raise ConnectionError(head[:300].decode("latin-1"))
    return App(stream)


async def _connected(sock: socket.socket, host: str, port: int) -> trio.socket.SocketType:
    ours = trio.socket.from_stdlib_socket(sock)
    with trio.fail_after(_OPEN_SECONDS):
        await ours.connect((host, port))
    return ours
