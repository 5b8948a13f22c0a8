"""Drives Hypercorn's HTTP/1.1 protocol class over one Trio stream.

The class itself is Hypercorn's, and so is its parser: the only one there is, so two parsers can't
disagree about where a request ends. What is ours is everything around it, where the stock server
falls short: sends are cancellable and under a deadline, a head and a request have one too, and an
application that fails ends its own request only.

A request that asks for a WebSocket, be it the first of a connection or a later one, leaves the
protocol the way Hypercorn itself switches to HTTP/2: by an exception from the hook that looks at
each request's head.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import attrs
import h11
import trio
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState

from relayd import logs
from relayd.edge import streams
from relayd.edge.access import Answer, Silence
from relayd.edge.asgi import App
from relayd.edge.host import has_proper_host
from relayd.edge.peer import Peer
from relayd.edge.settings import EdgeSettings
from relayd.edge.takeover import Takeover
from relayd.websocket import handshake

__all__ = ["HttpConnection", "hypercorn_config"]

log = logs.get(__name__)

# Body parts of 16 KiB that wait for the application; with the read under way 80 KiB.
_INBOX_PARTS: Final = 4

# A response is sent in slices, each under its own deadline: a slow reader of a long response is
# fine as long as it reads.
_SLICE_BYTES: Final = 65_536

# Enough for any length we allow; longer ones need not even be read as a number.
_LENGTH_DIGITS_MAX: Final = 18


def hypercorn_config(settings: EdgeSettings) -> Config:
    """What Hypercorn's classes read of their configuration, set the way the edge needs it."""
    config = Config()
    config.h11_max_incomplete_size = settings.head_bytes
    config.max_app_queue_size = _INBOX_PARTS
    config.include_server_header = False
    config.logger_class = Silence  # type: ignore[assignment]
    return config


class _WebSocketWanted(Exception):  # noqa: N818 - a switch, not an error
    """Leaves the protocol class with the request that wants out of HTTP."""

    def __init__(self, request: h11.Request) -> None:
        super().__init__()
        self.request = request


class _Refused(Exception):  # noqa: N818 - likewise
    """Leaves the protocol class after it refused a request; the connection ends."""


class _Http1(H11Protocol):
    """Hypercorn's protocol with its own hook for switching protocols, answered our way."""

    body_bytes_max: int

    async def _check_protocol(self, event: h11.Request) -> None:
        """Called for each request's head, before anything is made of it."""
        if handshake.wants_websocket(event.headers):
            raise _WebSocketWanted(event)
        status = self._verdict(event)
        if status is not None:
            await self._send_error_response(status)
            raise _Refused

    def _verdict(self, request: h11.Request) -> int | None:
        """The status to refuse a request with, for what its head shows."""
        length = dict(request.headers).get(b"content-length", b"0")
        if request.http_version not in {b"1.0", b"1.1"}:
            return 505
        if not request.target.startswith(b"/") or not has_proper_host(request.headers):
            return 400
        if len(length) > _LENGTH_DIGITS_MAX or int(length) > self.body_bytes_max:
            return 413
        return None


@attrs.define(eq=False)
class _Inbox:
    """What came for one application call. Never blocks a reader whose application is done."""

    send: trio.MemorySendChannel[Any]
    receiver: trio.MemoryReceiveChannel[Any]
    # Whether the client did, before the application was done.
    left: bool = False

    async def put(self, event: Any) -> None:
        """Queue a body part; a disconnect overtakes nothing, but needs no room either."""
        if event["type"] == "http.disconnect":
            self.left = True
            self.send.close()
            return
        try:
            await self.send.send(event)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            log.debug("body part dropped")

    async def receive(self) -> Any:
        """ASGI's receive."""
        try:
            return await self.receiver.receive()
        except trio.EndOfChannel:
            return {"type": "http.disconnect"}


@attrs.define(eq=False)
class HttpConnection:
    """One connection as long as it speaks HTTP. Also Hypercorn's task group for it."""

    app: App
    stream: trio.abc.Stream
    peer: Peer
    settings: EdgeSettings
    config: Config
    context: WorkerContext
    # Bounds the whole: moved on at every change of phase, so no phase needs a task or timer.
    lasting: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    _reading: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    _lock: trio.Lock = attrs.field(factory=trio.Lock)
    _nursery: trio.Nursery | None = None
    _protocol: Any = None
    _idle: bool = True
    _head_begun: bool = False
    _draining: bool = False
    _body_bytes: int = 0

    async def run(self) -> Takeover | None:
        """Serve requests to the end of the connection, or to a request for a WebSocket.

        With None the stream is closed.
        """
        takeover = None
        with self.lasting:
            self._allow(self.settings.header_seconds)
            async with trio.open_nursery() as self._nursery:
                self._protocol = self._make_protocol()
                takeover = await self._serve()
        self._protocol = None
        if self.lasting.cancelled_caught:
            if not self._idle:
                log.info("request cut off", address=self.peer.address, draining=self._draining)
            streams.cut(self.stream)
            return None
        if takeover is None:
            await streams.depart(self.stream, self.settings.close_seconds)
        return takeover

    def drain(self, seconds: float) -> None:
        """No more requests: an idle connection ends now, one with a request in that time."""
        self._draining = True
        if self._idle:
            self.lasting.cancel()
        else:
            self.lasting.deadline = min(self.lasting.deadline, trio.current_time() + seconds)

    def _make_protocol(self) -> _Http1:
        protocol = _Http1(
            self.app,  # type: ignore[arg-type]
            self.config,
            self.context,
            self,  # type: ignore[arg-type]
            ConnectionState({}),
            self.peer.tls,
            self.peer.client,
            self.peer.server,
            self._from_protocol,
        )
        protocol.body_bytes_max = self.settings.body_bytes
        return protocol

    async def _serve(self) -> Takeover | None:
        try:
            with self._reading:
                await self._read()
        except _WebSocketWanted as wanted:
            parser = self._protocol.connection
            early = bytes(parser.trailing_data[0])
            seconds = self.settings.send_seconds
            return Takeover(self.stream, wanted.request, parser, early, seconds)
        except _Refused:
            return None
        await self._protocol.handle(Closed())
        return None

    async def _read(self) -> None:
        while True:
            try:
                data = await self.stream.receive_some(streams.READ_BYTES)
            except streams.LOST:
                return
            if self._idle and not self._head_begun:
                self._head_begun = True
                self._allow(self.settings.header_seconds)
            self._body_bytes += len(data)
            await self._protocol.handle(RawData(bytes(data)))
            if not data:
                return
            if self._body_bytes > self.settings.body_bytes + 2 * self.settings.head_bytes:
                log.info("request body cut off", address=self.peer.address)
                return

    def _allow(self, seconds: float) -> None:
        if not self._draining:
            self.lasting.deadline = trio.current_time() + seconds

    async def _from_protocol(self, event: Event) -> None:
        # Nothing but RawData may pass a checkpoint here: the rest comes from an application task
        # that its own end has already cancelled.
        if isinstance(event, RawData):
            await self._send(event.data)
        elif isinstance(event, Closed):
            self._reading.cancel()
        elif isinstance(event, Updated):
            self._idle = event.idle
            if event.idle and self._draining:
                # Its head was out before the drain and said nothing of an end.
                self._reading.cancel()
            self._head_begun = False
            self._body_bytes = 0
            settings = self.settings
            self._allow(settings.keep_alive_seconds if event.idle else settings.request_seconds)

    async def _send(self, data: bytes) -> None:
        sent = False
        try:
            async with self._lock:
                for start in range(0, len(data), _SLICE_BYTES):
                    with trio.fail_after(self.settings.http_send_seconds):
                        await self.stream.send_all(data[start : start + _SLICE_BYTES])
            sent = True
        except (trio.TooSlowError, *streams.LOST) as problem:
            log.debug("response cut off", address=self.peer.address, problem=problem)
        finally:
            if not sent:
                # Part of it may be out: nothing sensible can follow.
                self.lasting.cancel()

    async def spawn_app(
        self, app: App, config: Config, scope: Any, send: Callable[[Any], Awaitable[None]]
    ) -> Callable[[Any], Awaitable[None]]:
        """Start the application on a request; returns where its events go."""
        assert self._nursery is not None
        sender, receiver = trio.open_memory_channel[Any](config.max_app_queue_size)
        inbox = _Inbox(sender, receiver)
        self._nursery.start_soon(self._call, scope, inbox, send)
        return inbox.put

    async def _call(
        self, scope: Any, inbox: _Inbox, send: Callable[[Any], Awaitable[None]]
    ) -> None:
        answer = Answer(scope, send, self.settings.trusted_proxies)
        try:
            await self._answer(inbox, answer)
        finally:
            answer.note()

    async def _answer(self, inbox: _Inbox, answer: Answer) -> None:
        path = answer.scope["path"]
        try:
            await self.app(answer.scope, inbox.receive, answer.send)
        except* Exception:
            log.exception("application failed", path=path, milliseconds=answer.milliseconds)
        inbox.receiver.close()
        try:
            await answer.conclude(left=inbox.left)
        except h11.LocalProtocolError:
            self.lasting.cancel()
