"""The other end of a connection in memory: speaks raw bytes, HTTP and WebSocket to a door.

Its WebSocket half is wsproto's, so that our framing is checked by somebody else's.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import attrs
import h11
import trio
import trio.testing
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Event

from relayd.edge.door import Door, open_door
from relayd.edge.peer import Peer
from relayd.edge.settings import EdgeSettings
from relayd.edge.websocket import ClientSocket
from relayd.errors import ClientGone
from relayd.websocket.pump import open_pump
from tests import defaults
from tests.websocket.wire import frame

__all__ = [
    "PEER",
    "SETTINGS",
    "UPGRADE",
    "Caller",
    "Log",
    "call",
    "frame",
    "opened_door",
    "session",
    "until",
]

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = (
    "GET /ws HTTP/1.1\r\nHost: example.org\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n"
)
SETTINGS = defaults.edge()
PEER = Peer(("203.0.113.9", 4711), ("192.0.2.1", 80))


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that the kernel or another task has to do first."""
    with trio.fail_after(30):
        await trio.testing.wait_all_tasks_blocked()
        while not condition():
            await trio.testing.wait_all_tasks_blocked(0.01)


@attrs.define(eq=False)
class Caller:
    """A connected client."""

    stream: trio.abc.Stream
    frames: Connection = attrs.field(factory=lambda: Connection(ConnectionType.CLIENT))

    async def send(self, data: bytes) -> None:
        """Raw bytes."""
        await self.stream.send_all(data)

    async def send_until_cut(self, data: bytes, *, every: float) -> None:
        """The same bytes again and again until the server ends the connection."""
        try:
            while True:
                await self.stream.send_all(data)
                await trio.sleep(every)
        except (trio.BrokenResourceError, OSError):
            pass

    async def response(self, *, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        """The next HTTP response: status, headers, body."""
        parser = h11.Connection(h11.CLIENT)
        parser.send(
            h11.Request(
                method=method, target="/", headers=[("host", "x"), ("upgrade", "websocket")]
            )
        )
        parser.send(h11.EndOfMessage())
        status, headers, body = 0, {}, b""
        while True:
            event = await self._parsed(parser)
            if isinstance(event, h11.Response | h11.InformationalResponse):
                status = event.status_code
                headers = {n.decode(): v.decode() for n, v in event.headers}
                if status == 101:
                    self.frames.receive_data(parser.trailing_data[0])
                    return status, headers, b""
            elif isinstance(event, h11.Data):
                body += event.data
            else:
                return status, headers, body

    async def _parsed(self, parser: h11.Connection) -> object:
        while (event := parser.next_event()) is h11.NEED_DATA:
            parser.receive_data(bytes(await self.stream.receive_some(65_536)))
        return event

    async def open(self, extra: str = "", *, early: bytes = b"") -> dict[str, str]:
        """Open a WebSocket; the headers of the 101."""
        await self.send((UPGRADE + extra + "\r\n").encode("latin-1") + early)
        status, headers, body = await self.response()
        assert status == 101, (status, headers, body)
        return headers

    async def event(self) -> Event | None:
        """The next WebSocket event; None at the end of the stream."""
        while (event := next(iter(self.frames.events()), None)) is None:
            try:
                data = bytes(await self.stream.receive_some(65_536))
            except (trio.BrokenResourceError, OSError):
                return None
            if not data:
                return None
            self.frames.receive_data(data)
        return event

    async def close_code(self) -> int | None:
        """Read on to the close frame; its code, or None where there was none."""
        while True:
            event = await self.event()
            if event is None:
                return None
            if isinstance(event, CloseConnection):
                return int(event.code)

    async def ended(self) -> bool:
        """Read on to the end of the stream."""
        try:
            while await self.stream.receive_some(65_536):
                pass
        except (trio.BrokenResourceError, OSError):
            pass
        return True


@attrs.define(eq=False)
class SinkApp:
    """An application that takes each WebSocket and runs a function on it; HTTP says hello."""

    session: Callable[[ClientSocket], Any]
    requests: list[str] = attrs.field(factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        self.requests.append(scope["path"])
        if scope["type"] == "http":
            while (await receive()).get("more_body", False):
                pass
            headers = [(b"content-length", b"5")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"hello", "more_body": False})
            return
        websocket = scope["extensions"]["relayd.connection"].take()
        await send({"type": "websocket.accept"})
        await self.session(websocket)


def sink_app(session: Callable[[ClientSocket], Any]) -> SinkApp:
    """See `SinkApp`."""
    return SinkApp(session)


@attrs.define(eq=False)
class Log:
    """What a session saw, and when."""

    entries: list[tuple[float, Any]] = attrs.field(factory=list)

    def add(self, what: Any) -> None:
        """Note it."""
        self.entries.append((trio.current_time(), what))

    async def receive_all(self, websocket: ClientSocket) -> None:
        """A session that receives to the end."""
        websocket.on_gone(lambda: self.add("on_gone"))
        try:
            while True:
                self.add(await websocket.receive())
        except ClientGone as gone:
            self.add(str(gone))

    def seen(self) -> list[Any]:
        """Without the times."""
        return [what for _, what in self.entries]


@asynccontextmanager
async def opened_door(
    app: Any, settings: EdgeSettings = SETTINGS, **others: Any
) -> AsyncIterator[Door]:
    """A door with a pump of its own."""
    async with open_pump() as pump, open_door(app, settings, pump, **others) as door:
        yield door


def call(door: Door, nursery: trio.Nursery, *, lockstep: bool = False) -> Caller:
    """Connect in memory; with ``lockstep`` the server's sends wait until they are read."""
    pair = trio.testing.lockstep_stream_pair if lockstep else trio.testing.memory_stream_pair
    ours, theirs = pair()
    nursery.start_soon(door.serve_stream, theirs, PEER)
    return Caller(ours)


@asynccontextmanager
async def session(
    run: Callable[[ClientSocket], Any], settings: EdgeSettings = SETTINGS, *, lockstep: bool = False
) -> AsyncIterator[Caller]:
    """A caller whose WebSocket is open, and the function that has it at the other end."""
    async with (
        opened_door(sink_app(run), settings) as door,
        trio.open_nursery() as nursery,
    ):
        caller = call(door, nursery, lockstep=lockstep)
        await caller.open()
        yield caller
        nursery.cancel_scope.cancel()
