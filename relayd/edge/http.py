"""Drives Hypercorn's HTTP/1.1 protocol class over one Trio stream.

The class itself is Hypercorn's, on h11's parser (`edge.parser`): the only one there is, so two
parsers can't disagree about where a request ends. What is ours is everything around it, where the
stock server falls short: sends are cancellable and under a deadline, a head and a request have one
too, and an application that fails ends its own request only.

A request that asks for a WebSocket, be it the first of a connection or a later one, leaves the
protocol the way Hypercorn itself switches to HTTP/2: by an exception from the hook that looks at
each request's head.
"""

import json
import math
from collections.abc import Awaitable, Callable
from typing import Any, Final, NoReturn
from urllib.parse import unquote

import attrs
import h11
import trio
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.events import Event as StreamEvent
from hypercorn.protocol.events import Response
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState

from relayd import logs
from relayd.edge.access import Exchange, Silence
from relayd.edge.asgi import App
from relayd.edge.body import BodyPolicy, BodyRules
from relayd.edge.clients import CROWDED, Clients
from relayd.edge.host import has_proper_host
from relayd.edge.inbox import INBOX_PARTS, Inbox, open_inbox
from relayd.edge.parser import Parser
from relayd.edge.peer import Peer
from relayd.edge.refusal import refusal
from relayd.edge.settings import EdgeSettings
from relayd.edge.takeover import Takeover
from relayd.websocket import handshake, streams

__all__ = ["HttpConnection", "hypercorn_config"]

log = logs.get(__name__)

# A response is sent in slices, each under its own deadline: a slow reader of a long response is
# fine as long as it reads.
_SLICE_BYTES: Final = 65_536

# A head, or a small body. What is read beyond a head waits in memory for a view that may be busy.
_HEAD_READ_BYTES: Final = 4096

# Enough for any length we allow; longer ones need not even be read as a number.
_LENGTH_DIGITS_MAX: Final = 18

# What is refused before there is a route, by status: the code, and what to do.
_IMPROPER: Final = {
    400: (
        "malformed_request",
        "This is not a proper HTTP/1.1 request: send one Host, one length, and a path.",
    ),
    431: ("head_too_large", "The headers are too large: send fewer or shorter ones."),
    501: ("unknown_coding", "Of transfer codings only chunked is spoken here."),
    505: ("http_version_not_supported", "Send HTTP/1.1: no other version is spoken here."),
}


def hypercorn_config(settings: EdgeSettings) -> Config:
    """What Hypercorn's classes read of their configuration, set the way the edge needs it."""
    config = Config()
    config.max_app_queue_size = INBOX_PARTS
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

    rules: BodyRules
    # Of the request under way.
    policy: BodyPolicy
    # Whether some of its body is still to come.
    body_unread: Callable[[], bool]

    async def stream_send(self, event: StreamEvent) -> None:
        """Called for each part of an answer; one before the end of the body is the last."""
        if isinstance(event, Response) and self.body_unread():
            event.headers.append((b"connection", b"close"))
        await super().stream_send(event)

    async def _check_protocol(self, event: h11.Request) -> None:
        """Called for each request's head, before anything is made of it."""
        if handshake.wants_websocket(event.headers):
            raise _WebSocketWanted(event)
        status = self._verdict(event)
        if status is not None:
            await self._send_error_response(status)
            raise _Refused
        self.policy = self._policy_of(event)
        if _announced_bytes(event) > self.policy.bytes_max:
            await self._refuse(413, self.rules.too_large(self.policy.bytes_max))
            raise _Refused

    def _verdict(self, request: h11.Request) -> int | None:
        """The status to refuse a request with, for what its head shows."""
        if request.http_version not in {b"1.0", b"1.1"}:
            return 505
        if not request.target.startswith(b"/") or not has_proper_host(request.headers):
            return 400
        return None

    def _policy_of(self, request: h11.Request) -> BodyPolicy:
        path = bytes(request.target).partition(b"?")[0]
        return self.rules.of(request.method.decode("ascii").upper(), unquote(path.decode("ascii")))

    async def _send_error_response(self, status_code: int) -> None:
        """Called for what is no proper request, which no view answers."""
        code, message = _IMPROPER.get(status_code, _IMPROPER[400])
        error = {"error": {"code": code, "message": message}}
        await self._refuse(status_code, json.dumps(error).encode())

    async def _refuse(self, status: int, body: bytes) -> None:
        headers = [(b"content-length", str(len(body)).encode()), (b"connection", b"close")]
        if body:
            headers.append((b"content-type", b"application/json"))
        headers += self.config.response_headers("h11")
        await self._send_h11_event(h11.Response(status_code=status, headers=headers))
        await self._send_h11_event(h11.Data(data=body))
        await self._send_h11_event(h11.EndOfMessage())


def _announced_bytes(request: h11.Request) -> float:
    """What a request's Content-Length says; h11 has seen to it that it is a number."""
    length = dict(request.headers).get(b"content-length", b"0")
    return math.inf if len(length) > _LENGTH_DIGITS_MAX else int(length)


@attrs.define(eq=False)
class HttpConnection:
    """One connection as long as it speaks HTTP. Also Hypercorn's task group for it."""

    app: App
    stream: trio.abc.Stream
    peer: Peer
    clients: Clients
    config: Config
    context: WorkerContext
    rules: BodyRules
    # Bounds the whole: moved on at every change of phase, so no phase needs a task or timer.
    lasting: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    _reading: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    _lock: trio.Lock = attrs.field(factory=trio.Lock)
    _nursery: trio.Nursery | None = None
    _protocol: Any = None
    _idle: bool = True
    _head_begun: bool = False
    _draining: bool = False
    # Of the request under way.
    _inbox: Inbox | None = None
    _raw_bytes: int = 0

    @property
    def settings(self) -> EdgeSettings:
        """The door's."""
        return self.clients.settings

    async def run(self) -> Takeover | None:
        """Serve requests to the end of the connection, or to a request for a WebSocket.

        With None the stream is closed.
        """
        takeover = None
        with self.lasting:
            self._allow(self.settings.header_seconds)
            # Who connects and says nothing has neither a parser nor a nursery.
            first = await self._hear()
            if first:
                async with trio.open_nursery() as self._nursery:
                    self._protocol = self._make_protocol()
                    takeover = await self._serve(first)
        # Nothing of it refers to itself: it is gone with its last mention.
        self._protocol = self._inbox = self._nursery = None
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
        protocol.connection = Parser(self.settings.head_bytes)
        protocol.rules = self.rules
        protocol.body_unread = self._body_unread
        return protocol

    async def _hear(self) -> bytes:
        """What comes next; nothing at the end of the connection, however it ended."""
        try:
            return bytes(await self.stream.receive_some(_HEAD_READ_BYTES))
        except streams.LOST:
            return b""

    async def _serve(self, first: bytes) -> Takeover | None:
        try:
            with self._reading:
                await self._read(first)
        except _WebSocketWanted as wanted:
            parser = self._protocol.connection
            early = bytes(parser.trailing_data[0])
            seconds = self.settings.send_seconds
            return Takeover(self.stream, wanted.request, parser, early, seconds)
        except _Refused:
            return None
        await self._protocol.handle(Closed())
        return None

    async def _read(self, data: bytes) -> None:
        while True:
            if self._idle and not self._head_begun:
                self._head_begun = True
                self._allow(self.settings.header_seconds)
            self._raw_bytes += len(data)
            await self._protocol.handle(RawData(data))
            if not data:
                return
            if self._inbox is not None and self._is_too_much(self._inbox):
                log.info("request body cut off", address=self.peer.address)
                await self._await_answer()
            try:
                data = await self._receive()
            except trio.TooSlowError:
                log.info("request body too slow", address=self.peer.address)
                await self._await_answer()
            except streams.LOST:
                return

    async def _receive(self) -> bytes:
        inbox = self._inbox
        if inbox is None or not inbox.streaming or inbox.body is None:
            return bytes(await self.stream.receive_some(_HEAD_READ_BYTES))
        # The view's part, then its sender's.
        self._allow(self.settings.request_seconds + inbox.policy.seconds)
        await inbox.body.asked()
        began = trio.current_time()
        try:
            with trio.fail_after(inbox.patience_seconds):
                data = bytes(await self.stream.receive_some(streams.READ_BYTES))
        except trio.TooSlowError:
            inbox.too_slow()
            raise
        inbox.patience_seconds -= trio.current_time() - began
        return data

    def _is_too_much(self, inbox: Inbox) -> bool:
        """Of a body that has no end yet. Parts that say more of themselves than they hold count."""
        if inbox.whole or inbox.policy.streamed:
            return inbox.refused
        return (
            inbox.refused or self._raw_bytes > inbox.policy.bytes_max + 2 * self.settings.head_bytes
        )

    async def _await_answer(self) -> NoReturn:
        """Read no more: the application has this long to say why, which ends the connection."""
        self._allow(self.settings.refusal_seconds)
        await trio.sleep_forever()

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
            self._raw_bytes = 0
            self._inbox = None
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
        policy = self._protocol.policy
        settings = self.settings
        # A view may rest over a part of a streamed body; of a whole one's end its framework is
        # the first judge.
        view_seconds = settings.request_seconds if policy.streamed else settings.refusal_seconds
        self._allow(policy.seconds + view_seconds)
        self._inbox = inbox = open_inbox(policy, self._body_over, config.max_app_queue_size)
        if inbox.body is not None:
            scope["extensions"]["relayd.body"] = inbox.body
        self._nursery.start_soon(self._call, scope, inbox, send)
        return inbox.put

    def _body_unread(self) -> bool:
        return self._inbox is not None and not self._inbox.whole

    def _body_over(self) -> None:
        policy = None if self._inbox is None else self._inbox.policy
        own = None if policy is None else policy.answer_seconds
        self._allow(self.settings.request_seconds if own is None else own)

    async def _call(self, scope: Any, inbox: Inbox, send: Callable[[Any], Awaitable[None]]) -> None:
        exchange = Exchange(scope, send, self.settings.proxies)
        try:
            await self._answer(inbox, exchange)
        finally:
            exchange.note()

    async def _answer(self, inbox: Inbox, exchange: Exchange) -> None:
        path = exchange.scope["path"]
        try:
            async with self.clients.request(exchange.scope) as has_room:
                if has_room:
                    async with self.rules.turn(inbox.policy):
                        await self.app(exchange.scope, inbox.receive, exchange.send)
                else:
                    await _refuse_one_too_many(exchange)
        except* Exception:
            log.exception("application failed", path=path, milliseconds=exchange.milliseconds)
        inbox.close()
        try:
            await exchange.conclude(left=inbox.left)
        except h11.LocalProtocolError:
            self.lasting.cancel()


async def _refuse_one_too_many(exchange: Exchange) -> None:
    headers, body = refusal(429, CROWDED)
    await exchange.send({"type": "http.response.start", "status": 429, "headers": headers})
    await exchange.send({"type": "http.response.body", "body": body})
