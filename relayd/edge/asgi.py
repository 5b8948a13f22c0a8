"""Runs the ASGI application for one WebSocket request.

`receive` and `send` are plain ASGI, so every websocket route works. The scope's extension
``relayd.connection`` hands the connection itself to a route that takes it; from then on
ASGI's `receive` has nothing more to say, and whoever took it closes it. The call may end before
that: what is to serve the connection is then left on the doorstep with it.
"""

import contextlib
import enum
import math
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final
from urllib.parse import unquote

import attrs
import trio

from relayd import logs
from relayd.edge.clients import CROWDED, Stay
from relayd.edge.doorstep import Guest
from relayd.edge.host import has_proper_host
from relayd.edge.peer import Peer
from relayd.edge.settings import EdgeSettings
from relayd.edge.takeover import Takeover
from relayd.edge.websocket import ClientSocket, SocketTerms
from relayd.errors import ClientGone
from relayd.websocket import handshake, streams
from relayd.websocket.frames import ABNORMAL, NO_STATUS, NORMAL
from relayd.websocket.handshake import Refused, Upgrade

__all__ = ["App", "Handover", "serve_websocket"]

log = logs.get(__name__)

Event = MutableMapping[str, Any]
# Any: frameworks type the three more narrowly, each in its own way.
App = Callable[[Any, Any, Any], Awaitable[None]]


@attrs.define(eq=False)
class Handover:
    """What ``scope["extensions"]["relayd.connection"]`` is."""

    _websocket: ClientSocket
    taken: bool = False
    guest: Guest | None = None

    def take(self) -> ClientSocket:
        """The connection, a `relayd.session.ports.Client`. Take it before accepting."""
        self.taken = True
        return self._websocket

    def leave(self, serve: Callable[[], Awaitable[object]], seconds: float) -> None:
        """Have the accepted connection served later, and end this call.

        ``serve`` is called once the app said something, or left, or after so many seconds. Until
        then the connection needs no task, and none of what the call holds.
        """
        assert self.taken, "take it before"
        self.guest = Guest(self._websocket, serve, trio.current_time() + seconds)


_WORDING: Final = {403: "the application refused", 500: "an internal error; it was logged"}


class _Phase(enum.Enum):
    REQUEST = enum.auto()
    RESPONSE = enum.auto()
    OPEN = enum.auto()
    OVER = enum.auto()


async def serve_websocket(
    app: App, takeover: Takeover, peer: Peer, terms: SocketTerms, stay: Stay
) -> Guest | None:
    """Answer one upgrade request, and carry the WebSocket to its end, or to who is to wait."""
    request, settings = takeover.request, stay.clients.settings
    accepted = (
        handshake.judge(request)
        if has_proper_host(request.headers)
        else Refused(400, "the Host header is not a host")
    )
    if isinstance(accepted, Refused):
        log.info("handshake refused", address=peer.address, problem=accepted.problem)
        await _turn_away(takeover, accepted, settings)
        return None
    asked = {"client": peer.client, "headers": request.headers}
    if not await stay.upgrade(asked):
        await _turn_away(takeover, Refused(429, CROWDED), settings)
        return None
    websocket = ClientSocket(takeover.stream, peer.address, terms, takeover.early)
    return await _Exchange(app, accepted, websocket, settings, takeover).run(peer)


async def _turn_away(takeover: Takeover, refused: Refused, settings: EdgeSettings) -> None:
    await takeover.refuse(refused)
    await streams.depart(takeover.stream, settings.close_seconds)


@attrs.define(eq=False)
class _Exchange:
    """One application call: its ASGI messages on one side, the connection on the other."""

    app: App
    accepted: Upgrade
    websocket: ClientSocket
    settings: EdgeSettings
    takeover: Takeover | None
    phase: _Phase = _Phase.REQUEST
    connected: bool = False
    status: int = 0
    headers: list[tuple[bytes, bytes]] = attrs.field(factory=list)
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    answered: trio.Event = attrs.field(factory=trio.Event)
    connection: Handover = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.connection = Handover(self.websocket)

    async def run(self, peer: Peer) -> Guest | None:
        """Call the application, then leave nothing open but what it left on the doorstep."""
        failed = True
        guest = None
        try:
            with self.scope:
                self.scope.deadline = trio.current_time() + self.settings.request_seconds
                failed = await self._call(peer)
            guest = None if failed else self.connection.guest
            if guest is None:
                await self._conclude(failed=failed)
        finally:
            if guest is None:
                streams.cut(self.websocket.stream)
        return guest

    async def _call(self, peer: Peer) -> bool:
        """Run the application; whether it failed."""
        scope = self._scope(peer)
        failed = False
        try:
            await self.app(scope, self.receive, self.send)
        except* ClientGone:
            log.debug("application ended with its client", address=peer.address)
        except* Exception:
            log.exception("application failed", path=scope["path"], address=peer.address)
            failed = True
        return failed

    async def _conclude(self, *, failed: bool) -> None:
        if self.phase is _Phase.REQUEST:
            # It neither accepted nor refused.
            await self._deny(500, [])
        if self.phase is not _Phase.OPEN:
            await streams.depart(self.websocket.stream, self.settings.close_seconds)
            return
        if failed or self.connection.taken:
            await self.websocket.conclude()
        else:
            await self.websocket.conclude(NORMAL, "")

    async def receive(self) -> Event:
        """ASGI's receive."""
        if not self.connected:
            self.connected = True
            await trio.lowlevel.checkpoint()
            return {"type": "websocket.connect"}
        await self.answered.wait()
        if self.phase is not _Phase.OPEN:
            return {"type": "websocket.disconnect", "code": ABNORMAL, "reason": "refused"}
        if self.connection.taken:
            await trio.sleep_forever()
        try:
            message = await self.websocket.receive()
        except ClientGone:
            farewell = self.websocket.farewell
            code, reason = (farewell.code, farewell.reason) if farewell else (NO_STATUS, "")
            return {"type": "websocket.disconnect", "code": code, "reason": reason}
        text = message if isinstance(message, str) else None
        data = message if isinstance(message, bytes) else None
        return {"type": "websocket.receive", "text": text, "bytes": data}

    async def send(self, event: Event) -> None:
        """ASGI's send."""
        match self.phase, event["type"]:
            case _Phase.REQUEST, "websocket.accept":
                await self._accept(event)
            case _Phase.REQUEST, "websocket.close":
                await self._deny(403, [])
            case _Phase.REQUEST, "websocket.http.response.start":
                await self._deny(event["status"], list(event.get("headers", [])), more=True)
            case _Phase.RESPONSE, "websocket.http.response.body":
                more = bool(event.get("more_body", False))
                with contextlib.suppress(trio.TooSlowError, *streams.LOST):
                    await self._request.body(event.get("body", b""), more=more)
                if not more:
                    self._answer(_Phase.OVER)
            case _Phase.OPEN, "websocket.send":
                text = event.get("text")
                # A peer that is gone is no fault of the application's (ASGI: send is a no-op).
                with contextlib.suppress(ClientGone):
                    await self.websocket.send(event["bytes"] if text is None else text)
            case _Phase.OPEN, "websocket.close":
                await self._close(event.get("code", 1000), event.get("reason") or "")
            case _:
                raise RuntimeError(f"{event['type']} is out of place: {self.phase.name.lower()}")

    @property
    def _request(self) -> Takeover:
        assert self.takeover is not None
        return self.takeover

    def _answer(self, phase: _Phase) -> None:
        self.phase = phase
        # The parser and the request are garbage from here on: they outweigh the connection.
        self.takeover = None
        self.answered.set()

    async def _accept(self, event: Event) -> None:
        headers = [(bytes(name), bytes(value)) for name, value in event.get("headers", [])]
        lost = False
        try:
            await self._request.switch(self.accepted, event.get("subprotocol"), headers)
        except (trio.TooSlowError, *streams.LOST):
            # No fault of the application's: it learns of it when it receives.
            lost = True
        self.scope.deadline = math.inf
        self.websocket.start(lost=lost)
        if not self.connection.taken:
            self.websocket.on_gone(self._abandon)
        self._answer(_Phase.OPEN)

    async def _deny(
        self, status: int, headers: list[tuple[bytes, bytes]], *, more: bool = False
    ) -> None:
        with contextlib.suppress(trio.TooSlowError, *streams.LOST):
            if more:
                await self._request.respond(status, headers)
            else:
                await self._request.refuse(Refused(status, _WORDING[status]))
        if more:
            self.phase = _Phase.RESPONSE
        else:
            self._answer(_Phase.OVER)

    async def _close(self, code: int, reason: str) -> None:
        if self.connection.guest is not None:
            # Quart's, at the end of the call.
            return
        if self.connection.taken and not self.websocket.closed and code == NORMAL:
            # Whoever took it has to close it. Quart closes with 1000 after any exception of a
            # handler, and nothing may end "normally" that nobody ended.
            code, reason = 1011, "internal error"
        await self.websocket.close(code, reason)

    def _abandon(self) -> None:
        """The peer ended it: the application is told, and has this long to end too."""
        if not self.connection.taken:
            seconds = self.settings.abandon_seconds
            self.scope.deadline = trio.current_time() + seconds

    def _scope(self, peer: Peer) -> Event:
        request = self._request.request
        path, _, query = bytes(request.target).partition(b"?")
        return {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "scheme": "wss" if peer.tls else "ws",
            "path": unquote(path.decode("ascii")),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": list(request.headers),
            "client": peer.client,
            "server": peer.server,
            "subprotocols": list(self.accepted.subprotocols),
            "state": {},
            "extensions": {
                "websocket.http.response": {},
                "relayd.connection": self.connection,
            },
        }
