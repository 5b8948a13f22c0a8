"""One WebSocket connection to Deepgram: opened, kept alive, and explained when it ends.

It has no task of its own. What goes out, goes out in the call of whoever sends; what comes is read
by the pump; and the beat that watches over all WebSockets says that this one lives.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import attrs
import trio

from relayd import logs
from relayd.engines.deepgram import errors
from relayd.engines.deepgram.errors import Failure
from relayd.engines.deepgram.messages import CLOSE_STREAM, KEEP_ALIVE
from relayd.websocket.connection import WebSocket
from relayd.websocket.decoder import Bounds
from relayd.websocket.farewell import Cause
from relayd.websocket.frames import NORMAL
from relayd.websocket.handshake import Answered, Request, Turned
from relayd.websocket.keepalive import BEAT_SECONDS
from relayd.websocket.pump import Pump
from relayd.websocket.role import Role, Timeouts
from relayd.websocket.take import Take
from relayd.websocket.upgrade import upgrade

__all__ = ["PING_SECONDS", "PONG_SECONDS", "Caller", "Connect", "Connection"]

log = logs.get(__name__)

# Deepgram's timeouts don't count pings; they are there to notice a far end that is gone while
# the socket's buffer (minutes of audio) still takes every send. A far end that says results is
# never pinged; an app waits for words until another engine takes the stream, or its end is told.
PING_SECONDS: Final = 5.0
PONG_SECONDS: Final = 5.0

# A result is a few KiB, a long one with words some tens.
MESSAGE_BYTES: Final = 256 * 2**10
_BOUNDS: Final = Bounds(MESSAGE_BYTES, MESSAGE_BYTES)

Connect = Callable[[], Awaitable[trio.abc.Stream]]


@attrs.frozen
class Caller:
    """Opens connections. ``host`` stands in the Host header.

    A stream that is silent for ``keepalive_seconds`` says that it lives.
    """

    connect: Connect
    pump: Pump
    host: str
    headers: tuple[tuple[bytes, bytes], ...] = attrs.field(repr=False)
    timeouts: Timeouts
    keepalive_seconds: float

    async def call(self, target: str) -> "Connection | Failure":
        """Open a connection, or say why there is none. Raises nothing but cancellation."""
        stream: trio.abc.Stream | None = None
        answer: Answered | Turned | None = None
        try:
            stream = await self.connect()
            answer = await upgrade(stream, Request(self.host, target, self.headers))
        except Exception as error:  # noqa: BLE001  nothing that answers may end a session's task
            return errors.unreachable(self.host, error)
        finally:
            if stream is not None and not isinstance(answer, Answered):
                await trio.aclose_forcefully(stream)
        if isinstance(answer, Turned):
            return errors.refused(answer.status, answer.headers, answer.body)
        websocket = WebSocket(stream, Role.CLIENT, self.pump, _BOUNDS, self.timeouts, answer.early)
        return Connection(websocket, answer.headers, self.keepalive_seconds)


@attrs.define(eq=False)
class Connection:
    """An open connection. After its end all raises `WebSocketClosed`; `explain` says why then."""

    websocket: WebSocket
    headers: tuple[tuple[bytes, bytes], ...]
    keepalive_seconds: float
    finishing: bool = False
    # Whether anything was sent since the last beat, and since when nothing was.
    _spoke: bool = True
    _sent_at: float = 0

    def __attrs_post_init__(self) -> None:
        self.websocket.pump.keepalive.join(self)

    @property
    def closed(self) -> bool:
        """Whether it ended, or is ending."""
        return self.websocket.closed

    @property
    def request_id(self) -> str:
        """Deepgram's name for this stream."""
        return errors.request_id(self.headers)

    @property
    def orderly(self) -> bool:
        """Whether it was closed by the far end, with the code for an ordinary end."""
        farewell = self.websocket.farewell
        return farewell is not None and farewell.code == NORMAL

    def explain(self) -> Failure:
        """Why it ended."""
        farewell = self.websocket.farewell
        if farewell is None:
            return errors.closed(1006, None)
        if farewell.cause is Cause.STALLED:
            return errors.stalled(self.websocket.timeouts.send_seconds)
        if farewell.cause is Cause.SILENT:
            return errors.unanswered(self.websocket.timeouts.pong_seconds)
        told = farewell.cause is not Cause.LOST
        return errors.closed(farewell.code, farewell.reason if told else None)

    async def receive(self, take: Take) -> str | bytes:
        """The next message that ``take`` doesn't take; those that came before the end still do."""
        return await self.websocket.receive(take)

    async def send(self, message: str | bytes) -> None:
        """Send one message."""
        self._spoke = True
        await self.websocket.send(message)

    def send_at_once(self, audio: bytes) -> bool:
        """Send audio if that needs no waiting; False where nothing was sent."""
        if self.websocket.send_at_once(audio):
            self._spoke = True
            return True
        return False

    async def finish(self) -> None:
        """Say that no more audio comes."""
        self.finishing = True
        await self.send(CLOSE_STREAM)

    def beat(self, now: float) -> None:
        """Say that the stream lives while nothing else does."""
        if self._spoke:
            self._spoke = False
            # It was after the last beat.
            self._sent_at = now - BEAT_SECONDS
        elif (
            now - self._sent_at >= self.keepalive_seconds
            and not self.finishing
            # Behind a ping of the same beat it waits for the next one. Where the socket takes
            # nothing at all, the WebSocket's own beat has an eye on it.
            and self.websocket.send_at_once(KEEP_ALIVE)
        ):
            self._sent_at = now

    async def close(self, take: Take) -> None:
        """Say goodbye, but not for long; what still comes is offered to ``take``."""
        await self.websocket.close(NORMAL, take=take)

    def release(self) -> None:
        """Close the socket; nothing of the connection is left."""
        self.websocket.pump.keepalive.leave(self)
        self.websocket.release()
