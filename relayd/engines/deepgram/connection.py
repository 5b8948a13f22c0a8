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

from relayd import logs
from relayd.engines.deepgram import errors
from relayd.engines.deepgram.errors import Failure
from relayd.engines.deepgram.messages import CLOSE_STREAM, KEEP_ALIVE
from relayd.engines.deepgram.websocket import Ended, WebSocket
from relayd.websocket.handshake import Answered, Turned
from relayd.websocket.handshake import Request as Upgrade
from relayd.websocket.upgrade import upgrade

__all__ = ["Connect", "Connection", "Pace", "Request", "hold"]

log = logs.get(__name__)

# Deepgram's timeouts don't count pings; they are there to notice a far end that is gone while
# the socket's buffer (minutes of audio) still takes every send.
_PING_SECONDS: Final = 15.0
_PONG_SECONDS: Final = 5.0

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
class Connection:
    """An open connection. Sends raise `Ended`; `explain` then says why it ended."""

    websocket: WebSocket
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
        return errors.request_id(self.websocket.headers)

    def explain(self) -> Failure:
        """Why it ended."""
        reason = self.websocket.closed
        if self.failure is not None:
            return self.failure
        # No reason at all: the reading broke off on bytes that are no WebSocket.
        return errors.closed(reason.code, reason.reason) if reason else errors.closed(1006, None)

    async def receive(self) -> str | bytes:
        """Return the next message; those that came before the end still do."""
        return await self.websocket.receive()

    async def send(self, message: str | bytes) -> None:
        """Send one message; `watch` is its deadline."""
        if self._sending_since is not None:
            # An earlier send was cancelled half-way: what follows it could not be read.
            self.failure = self.failure or errors.stalled(self.pace.send_seconds)
            raise Ended
        self._sending_since = trio.current_time()
        try:
            await self.websocket.send(message)
        except Ended:
            self._sending_since = None
            raise
        self._sent_at = self._sending_since
        self._sending_since = None

    def send_at_once(self, audio: bytes) -> bool:
        """Send audio if that needs no waiting; False where nothing was sent."""
        if self._sending_since is not None or not self.websocket.send_at_once(audio):
            return False
        self._sent_at = trio.current_time()
        return True

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
        except Ended:
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
            await self.websocket.send(KEEP_ALIVE)
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
        await trio.aclose_forcefully(self.websocket.stream)

    async def close(self, seconds: float) -> None:
        """Say goodbye, but not for long."""
        if self._sending_since is not None:
            return  # Half a frame went out: nothing that follows it could be read.
        with trio.move_on_after(seconds), contextlib.suppress(Ended):
            await self.websocket.close()


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
    stream: trio.abc.Stream | None = None
    connection: Connection | None = None
    cause: Exception | None = None
    try:
        stream = await connect()
        answer = await upgrade(stream, Upgrade(request.host, request.target, request.headers))
        if isinstance(answer, Turned):
            task_status.started(errors.refused(answer.status, answer.headers, answer.body))
            return
        connection = await _begin(stream, answer, pace)
        task_status.started(connection)
        await connection.watch()
    except Exception as error:  # noqa: BLE001  nothing an engine sends may end a session's task
        cause = error
    finally:
        if stream is not None:
            await trio.aclose_forcefully(stream)
        if connection is not None:
            connection.held = False
    if cause is None:
        return
    if connection is None:
        task_status.started(_explain(request.host, cause))
    else:
        log.warning("deepgram connection broke", error=type(cause).__name__)


async def _begin(stream: trio.abc.Stream, answer: Answered, pace: Pace) -> Connection:
    websocket = WebSocket(stream, answer.headers)
    # What came together with the answer is answered too, and at once.
    await websocket.begin(answer.early)
    return Connection(websocket, pace)


def _explain(host: str, cause: Exception) -> Failure:
    """Why no connection was opened."""
    return errors.unreachable(host, cause)
