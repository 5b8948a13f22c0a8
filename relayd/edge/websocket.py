"""An app's WebSocket as its session sees it: the session's `Client`.

The protocol, the deadlines and the reading are `relayd.websocket`'s; here its ends become the
session's `ClientGone`, and the connection waits for its 101.
"""

from collections.abc import Callable

import attrs
import trio

from relayd import logs
from relayd.edge.settings import EdgeSettings
from relayd.errors import ClientGone
from relayd.websocket.connection import WebSocket
from relayd.websocket.decoder import Bounds
from relayd.websocket.farewell import Cause, Farewell, WebSocketClosed
from relayd.websocket.pump import Pump
from relayd.websocket.role import Role, Timeouts
from relayd.websocket.take import Take, no_message

__all__ = ["ClientSocket", "SocketTerms"]

log = logs.get(__name__)


@attrs.frozen
class SocketTerms:
    """What a door's WebSockets share: the pump, and what a peer may send and how slowly."""

    pump: Pump
    bounds: Bounds
    timeouts: Timeouts

    @classmethod
    def of(cls, settings: EdgeSettings, pump: Pump) -> "SocketTerms":
        """Those that the settings ask for."""
        message_bytes = settings.message_bytes
        text_bytes = min(settings.text_bytes, message_bytes)
        return cls(
            pump,
            Bounds(message_bytes, text_bytes, settings.fragments_max),
            Timeouts(
                ping_seconds=settings.ping_seconds,
                pong_seconds=settings.pong_seconds,
                send_seconds=settings.send_seconds,
                close_seconds=settings.close_seconds,
            ),
        )


@attrs.define(eq=False)
class ClientSocket:
    """Open from `start` on. ``early`` is what the peer sent before the 101."""

    stream: trio.abc.Stream
    address: str
    terms: SocketTerms
    early: bytes = b""
    _websocket: WebSocket | None = None

    def start(self, *, lost: bool = False) -> None:
        """The 101 is out (or was ``lost`` with the peer): from here on it is watched."""
        assert self._websocket is None
        terms, early = self.terms, self.early
        self.early = b""
        self._websocket = WebSocket(
            self.stream, Role.SERVER, terms.pump, terms.bounds, terms.timeouts, early
        )
        if lost:
            self._websocket.lost()
        self._websocket.on_end(self._note_breach)

    @property
    def _open(self) -> WebSocket:
        assert self._websocket is not None, "not accepted yet"
        return self._websocket

    @property
    def farewell(self) -> Farewell | None:
        """How the peer ended it; None while it is open."""
        return self._open.farewell

    @property
    def peer_code(self) -> int | None:
        """The close code of the peer, or ours for its breach; 1005: none, 1006: it just left."""
        farewell = self.farewell
        return None if farewell is None else farewell.code

    @property
    def closed(self) -> bool:
        """Whether it is over, or our close is under way."""
        return self._open.closed

    def on_gone(self, callback: Callable[[], object]) -> None:
        """Call back once when the peer ended it; at once if it did already."""
        self._open.on_end(callback)

    async def receive(self, take: Take = no_message) -> str | bytes:
        """The next message that ``take`` doesn't take. Raises `ClientGone`."""
        try:
            return await self._open.receive(take)
        except WebSocketClosed as closed:
            raise ClientGone(str(closed)) from closed

    async def receive_first(self) -> str | bytes:
        """The app's first message, which says who it is. Raises `ClientGone`."""
        try:
            return await self._open.receive(strange=True)
        except WebSocketClosed as closed:
            raise ClientGone(str(closed)) from closed

    def expect(self, come: Callable[[], object]) -> None:
        """Call back once the app's first message is there, or it left; nobody waits till then."""
        self._open.expect(come)

    def expect_no_more(self) -> None:
        """Whoever was called back is here: it may receive, send and close."""
        self._open.expect_no_more()

    def send_at_once(self, message: str) -> bool:
        """Send one message if that needs no waiting; False where nothing was sent."""
        return self._open.send_at_once(message)

    async def send(self, message: str | bytes) -> None:
        """Send one message. Raises `ClientGone`; one that is cancelled ends the connection."""
        try:
            await self._open.send(message)
        except WebSocketClosed as closed:
            raise ClientGone(str(closed)) from closed

    async def close(self, code: int, reason: str) -> None:
        """Send a close frame, wait a little for the peer's, end the socket."""
        await self._open.close(code, reason)

    def cut(self) -> None:
        """End it at once: another connection takes its place."""
        self._open.release(reset=True)

    async def conclude(self, code: int = 1011, reason: str = "internal error") -> None:
        """The connection's task is done with it: nothing of it is left behind.

        Where it is still open, it is closed like this; whoever took it has to have closed it.
        """
        if not self.closed:
            await self.close(code, reason)
        await self._open.finish()

    def release(self) -> None:
        """Close the socket, synchronously."""
        self._open.release()

    def _note_breach(self) -> None:
        farewell = self._open.farewell
        if farewell is not None and farewell.cause is Cause.BREACH:
            log.info("client broke the protocol", address=self.address, problem=farewell.reason)
