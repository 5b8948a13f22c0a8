"""One WebSocket connection to Deepgram: opened, kept alive, watched, and cut.

It belongs to the nursery it is held in and raises nothing into it: however it ends, the end is
a value (`Failure`) or shows as a closed connection. No deadline is set per frame: audio goes
out ten times a second, so one watching task looks after all of them.
"""

import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

import attrs
import trio
from trio_websocket import (
    ConnectionClosed,
    ConnectionRejected,
    HandshakeError,
    WebSocketConnection,
    wrap_client_stream,
)
from wsproto.utilities import ProtocolError

from relayd import logs
from relayd.engines import deepgram_errors as errors
from relayd.engines.deepgram_errors import Failure
from relayd.engines.deepgram_messages import CLOSE_STREAM, KEEP_ALIVE

__all__ = ["Connect", "Connection", "Pace", "Request", "hold"]

log = logs.get(__name__)

# Deepgram's timeouts don't count pings; they are there to notice a far end that is gone while
# the socket's buffer (minutes of audio) still takes every send.
_PING_SECONDS: Final = 15.0
_PONG_SECONDS: Final = 5.0

# A result is a few KiB, a long one with words some tens; 8 of them are two seconds' worth, in
# which the session must have read one. At worst 8 times 256 KiB wait, from an engine gone mad.
_MESSAGE_BYTES: Final = 256 * 2**10
_QUEUED_MESSAGES: Final = 8

# Results are small and rare: a bigger buffer would only cost memory in every stream.
_RECEIVE_BYTES: Final = 4096

Connect = Callable[[], Awaitable[trio.abc.Stream]]


@attrs.frozen
class Request:
    """What the upgrade asks for. ``host`` stands in the Host header."""

    host: str
    target: str
    headers: tuple[tuple[bytes, bytes], ...] = attrs.field(repr=False)


@attrs.frozen
class Pace:
    """Seconds: how long a send may take, and how often an idle stream says that it lives."""

    send_seconds: float
    keepalive_seconds: float


@attrs.define(eq=False)
class Transport(trio.abc.Stream):
    """A byte stream that says when its far end is gone.

    trio-websocket would wait for an answer to the upgrade for ever on a stream that ended.
    """

    stream: trio.abc.Stream
    on_end: Callable[[], object] = lambda: None

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Pass on."""
        await self.stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Pass on."""
        await self.stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Pass on, and notice the end."""
        data: bytes | bytearray = b""
        try:
            data = await self.stream.receive_some(max_bytes)
        finally:
            if not data:
                self.on_end()
        return data

    async def aclose(self) -> None:
        """Pass on."""
        await self.stream.aclose()


@attrs.define(eq=False)
class Connection:
    """An open connection. Sends raise `ConnectionClosed`; `explain` then says why it ended."""

    websocket: WebSocketConnection
    transport: Transport
    pace: Pace
    # Why we cut it ourselves.
    failure: Failure | None = None
    finishing: bool = False
    # Until `hold` lets go: the reading may break off without a reason for the closing.
    held: bool = True
    # Since when the send that is under way has been; None between sends.
    _sending_since: float | None = None
    _sent_at: float = attrs.field(factory=trio.current_time)

    @property
    def closed(self) -> bool:
        """Whether it ended, or is ending."""
        return self.websocket.closed is not None or not self.held

    @property
    def request_id(self) -> str:
        """Deepgram's name for this stream."""
        return errors.request_id(self.websocket.handshake_headers)

    def explain(self) -> Failure:
        """Why it ended."""
        reason = self.websocket.closed
        if self.failure is not None:
            return self.failure
        # No reason at all: the reading broke off on bytes that are no WebSocket.
        return errors.closed(reason.code, reason.reason) if reason else errors.closed(1006, None)

    async def receive(self) -> str | bytes:
        """Return the next message; those that came before the end still do."""
        return await self.websocket.get_message()

    async def send(self, message: str | bytes) -> None:
        """Send one message; `watch` is its deadline."""
        if self._sending_since is not None:
            # An earlier send was cancelled half-way: what follows it could not be read.
            self.failure = self.failure or errors.stalled(self.pace.send_seconds)
            raise ConnectionClosed(self.websocket.closed)
        self._sending_since = trio.current_time()
        try:
            await self.websocket.send_message(message)
        except (ConnectionClosed, ProtocolError) as error:
            self._sending_since = None
            raise ConnectionClosed(self.websocket.closed) from error
        self._sent_at = self._sending_since
        self._sending_since = None

    async def finish(self) -> None:
        """Say that no more audio comes."""
        self.finishing = True
        await self.send(CLOSE_STREAM)

    async def watch(self) -> None:
        """Say that the stream lives while nothing else does, and cut it when it does not."""
        ping_at = trio.current_time() + _PING_SECONDS
        try:
            while not self.closed:
                now = trio.current_time()
                # A ping would only wait behind a send, which has its own deadline.
                sending = self._sending_since is not None
                look_at = self._due() if sending else min(self._due(), ping_at)
                if now < look_at:
                    await trio.sleep_until(look_at)
                elif now >= self._due():
                    await self._keep_alive()
                else:
                    await self._ping()
                    ping_at = trio.current_time() + _PING_SECONDS
        except (ConnectionClosed, ProtocolError):
            return

    def _due(self) -> float:
        """When to look again: a send runs out of time, or the silence has lasted too long."""
        if self._sending_since is not None:
            return self._sending_since + self.pace.send_seconds
        if self.finishing:
            return trio.current_time() + _PING_SECONDS
        # A send that begins after this look has the whole of its time left at the next.
        patience = min(self.pace.keepalive_seconds, self.pace.send_seconds)
        return self._sent_at + patience

    async def _keep_alive(self) -> None:
        if self._sending_since is not None:
            await self._cut(errors.stalled(self.pace.send_seconds))
            return
        with trio.move_on_after(self.pace.send_seconds) as patience:
            await self.websocket.send_message(KEEP_ALIVE)
        if patience.cancelled_caught:
            await self._cut(errors.stalled(self.pace.send_seconds))
        self._sent_at = trio.current_time()

    async def _ping(self) -> None:
        with trio.move_on_after(_PONG_SECONDS) as patience:
            await self.websocket.ping()
        if patience.cancelled_caught:
            await self._cut(errors.unanswered(_PONG_SECONDS))

    async def _cut(self, failure: Failure) -> None:
        """Close the transport, which fails every send and receive that waits for it."""
        self.failure = self.failure or failure
        await trio.aclose_forcefully(self.transport)

    async def close(self, seconds: float) -> None:
        """Say goodbye, but not for long."""
        if self._sending_since is not None:
            return  # Half a frame went out: nothing that follows it could be read.
        with trio.move_on_after(seconds), contextlib.suppress(ProtocolError):
            await self.websocket.aclose()


async def hold(
    connect: Connect,
    request: Request,
    pace: Pace,
    *,
    task_status: trio.TaskStatus[Connection | Failure] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Open a connection and carry it to its end; starts with it, or with why there is none.

    Raises nothing but cancellation.
    """
    transport: Transport | None = None
    connection: Connection | None = None
    causes: list[BaseException] = []
    try:
        transport = Transport(await connect())
        async with trio.open_nursery() as nursery:
            websocket = await _upgrade(nursery, transport, request)
            if websocket is not None:
                connection = Connection(websocket, transport, pace)
                task_status.started(connection)
                await connection.watch()
            else:
                nursery.cancel_scope.cancel()
    except* Exception as group:  # noqa: BLE001  nothing an engine sends may end a session's task
        causes = _leaves(group)
    finally:
        if transport is not None:
            await trio.aclose_forcefully(transport)
        if connection is not None:
            connection.held = False
    if connection is None:
        task_status.started(_explain(request.host, causes))
    elif causes:
        log.warning("deepgram connection broke", error=type(causes[0]).__name__)


async def _upgrade(
    nursery: trio.Nursery, transport: Transport, request: Request
) -> WebSocketConnection | None:
    """Upgrade; None where the far end hung up instead of answering."""
    websocket: WebSocketConnection | None = None
    with trio.CancelScope() as answering:
        transport.on_end = answering.cancel
        websocket = await wrap_client_stream(
            nursery,
            transport,  # type: ignore[arg-type]  # any stream will do, whatever its annotation
            request.host,
            request.target,
            extra_headers=list(request.headers),
            message_queue_size=_QUEUED_MESSAGES,
            max_message_size=_MESSAGE_BYTES,
            receive_buffer_size=_RECEIVE_BYTES,
        )
    transport.on_end = lambda: None
    return websocket


def _explain(host: str, causes: list[BaseException]) -> Failure:
    """Why no connection was opened."""
    cause = causes[0] if causes else ConnectionResetError("it hung up during the upgrade")
    if isinstance(cause, ConnectionRejected):
        return errors.refused(cause.status_code, cause.headers, cause.body)
    if isinstance(cause, HandshakeError | ProtocolError):
        # Its text may hold what was sent, the key included.
        cause = ConnectionError("its answer is not that of a WebSocket server")
    return errors.unreachable(host, cause)


def _leaves(group: BaseExceptionGroup[Exception]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
