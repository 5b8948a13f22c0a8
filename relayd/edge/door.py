"""Accepts connections and runs each in a task of its own, guarded.

The guard is the point: stock Hypercorn on Trio lets one unauthenticated request end the process,
because a connection's exception reaches the server's nursery. Here whatever goes wrong inside a
connection is logged once and ends that connection; its neighbours never hear of it.
"""

import contextlib
import errno
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import attrs
import trio
from hypercorn.config import Config
from hypercorn.trio.worker_context import WorkerContext

from relayd import logs
from relayd.edge.asgi import App, serve_websocket
from relayd.edge.body import BodyRules
from relayd.edge.clients import ARRIVALS, CONNECTIONS, Clients, Stay
from relayd.edge.doorstep import Doorstep, Guest
from relayd.edge.http import HttpConnection, hypercorn_config
from relayd.edge.peer import Peer, peer_of
from relayd.edge.settings import EdgeSettings
from relayd.edge.tls import Handshakes
from relayd.edge.websocket import SocketTerms
from relayd.quotas.counters import Counters
from relayd.quotas.limits import Quotas
from relayd.websocket import streams
from relayd.websocket.pump import Pump

__all__ = ["Door", "open_door", "serve"]

log = logs.get(__name__)

# After a failed accept; out of descriptors, one will be free again when a connection ends.
BACK_OFF_SECONDS: Final = 0.1
_CAPACITY_ERRORS: Final = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS}
# A flood of refused connections is one line this often, not one each.
_COMPLAIN_SECONDS: Final = 10


@attrs.define(eq=False)
class Door:
    """The connections of one daemon. Made by `open_door`."""

    app: App
    settings: EdgeSettings
    terms: SocketTerms
    tls: Handshakes | None
    clients: Clients
    bodies: BodyRules
    doorstep: Doorstep
    _nursery: trio.Nursery
    _config: Config
    _context: WorkerContext = attrs.field(factory=lambda: WorkerContext(None))
    # In HTTP at the moment; a WebSocket leaves the set.
    _http: set[HttpConnection] = attrs.field(factory=set)
    _http_left: trio.Event = attrs.field(factory=trio.Event)
    _accepting: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    _complained_at: float = float("-inf")
    connections: int = 0
    draining: bool = False

    async def listen(
        self,
        listeners: Sequence[trio.SocketListener],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Accept until `stop_accepting`; the listeners are closed then."""
        try:
            with self._accepting:
                async with trio.open_nursery() as nursery:
                    for listener in listeners:
                        nursery.start_soon(self._accept, listener)
                    task_status.started()
        finally:
            for listener in listeners:
                listener.socket.close()

    def stop_accepting(self) -> None:
        """Drain: no new connections; idle ones end, requests in flight get their deadline.

        WebSockets go on: their sessions are ended in order by whoever owns them.
        """
        self.draining = True
        self._accepting.cancel()
        # From now on every response says "Connection: close" and ends its connection.
        self._config.keep_alive_max_requests = 0
        for connection in tuple(self._http):
            connection.drain(self.settings.drain_seconds)

    async def requests_over(self) -> None:
        """After `stop_accepting`: wait until every request under way has its whole answer."""
        while self._http:
            await self._http_left.wait()
            self._http_left = trio.Event()

    async def _accept(self, listener: trio.SocketListener) -> None:
        with contextlib.suppress(trio.ClosedResourceError):
            while True:
                await self._accept_one(listener)

    async def _accept_one(self, listener: trio.SocketListener) -> None:
        try:
            stream = await listener.accept()
        except OSError as problem:
            if problem.errno in _CAPACITY_ERRORS:
                self._complain("cannot accept: raise the limit of open files", problem)
            else:
                self._complain("accept failed", problem)
            await trio.sleep(BACK_OFF_SECONDS)
        else:
            self._admit(stream)

    def _admit(self, stream: trio.SocketStream) -> None:
        """Start a connection's task, unless a cap is reached or the peer left already."""
        try:
            peer = peer_of(stream, tls=self.tls is not None)
            milliseconds = self.settings.tcp_user_timeout_ms
            if stream.socket.family in {socket.AF_INET, socket.AF_INET6}:
                stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
        except OSError:
            streams.cut(stream)
            return
        if self.connections >= self.settings.connections_max:
            self._refuse(stream, peer, CONNECTIONS)
            return
        self.connections += 1
        self._nursery.start_soon(self._run_accepted, stream, peer)

    def _refuse(self, stream: trio.SocketStream, peer: Peer, full: str) -> None:
        if full == CONNECTIONS:
            self._complain("connection refused: server.connections_max is reached", peer.address)
        elif full == ARRIVALS:
            self._complain("connection refused: too fast from this address", peer.address)
        else:
            self._complain("connection refused: too many from this address", peer.address)
        streams.cut(stream, reset=True)

    def _complain(self, event: str, detail: object) -> None:
        now = trio.current_time()
        if now - self._complained_at >= _COMPLAIN_SECONDS:
            self._complained_at = now
            log.warning(event, detail=detail, connections=self.connections)

    async def _run_accepted(self, stream: trio.SocketStream, peer: Peer) -> None:
        stay = Stay(self.clients, self._count_out)
        waits = False
        try:
            full = await stay.begin(peer.address)
            if full is not None:
                self._refuse(stream, peer, full)
            elif self.tls is None:
                waits = await self._serve(stream, peer, stay)
            else:
                secure = await self.tls.shake(stream)
                if secure is not None:
                    waits = await self._serve(secure, peer, stay)
        except Exception:
            log.exception("connection failed", address=peer.address)
        finally:
            if not waits:
                streams.cut(stream)
                stay.end()

    def _count_out(self) -> None:
        self.connections -= 1

    async def serve_stream(self, stream: trio.abc.Stream, peer: Peer | None = None) -> None:
        """Carry one connection over any Trio stream to its end, or to the doorstep.

        Raises nothing but cancellation.
        """
        stay = Stay(self.clients)
        waits = False
        try:
            waits = await self._serve(stream, peer or Peer(), stay)
        finally:
            if not waits:
                stay.end()

    async def _serve(self, stream: trio.abc.Stream, peer: Peer, stay: Stay) -> bool:
        """The same; whether it waits on the doorstep now, with its places."""
        waits = False
        try:
            guest = await self._carry(stream, peer, stay)
            if guest is not None:
                self.doorstep.welcome(guest, stay)
                waits = True
        except* (trio.TooSlowError, *streams.LOST) as lost:
            log.debug("connection lost", address=peer.address, problem=lost.exceptions[0])
        except* Exception:
            log.exception("connection failed", address=peer.address)
        finally:
            if not waits:
                streams.cut(stream)
        return waits

    async def _carry(self, stream: trio.abc.Stream, peer: Peer, stay: Stay) -> Guest | None:
        # One after the other in one task, each letting go of what it needed: a WebSocket carries
        # neither Hypercorn's objects nor an HTTP parser through its life.
        http = HttpConnection(
            self.app,
            stream,
            peer,
            self.clients,
            self._config,
            self._context,
            self.bodies,
        )
        self._http.add(http)
        try:
            if self.draining:
                return None
            takeover = await http.run()
        finally:
            self._http.discard(http)
            self._http_left.set()
        del http
        if takeover is None:
            return None
        return await serve_websocket(self.app, takeover, peer, self.terms, stay)


@asynccontextmanager
async def open_door(
    app: App,
    settings: EdgeSettings,
    pump: Pump,
    *,
    tls: ssl.SSLContext | None = None,
    quotas: Quotas | None = None,
    bodies: BodyRules | None = None,
) -> AsyncIterator[Door]:
    """A door whose WebSockets are the pump's; leaving the context cuts what is still connected."""
    async with trio.open_nursery() as nursery:
        terms = SocketTerms.of(settings, pump)
        clients = Clients(settings, Counters() if quotas is None else quotas)
        rules = bodies or BodyRules()
        http = hypercorn_config(settings)
        doorstep = Doorstep(nursery)
        hands = None if tls is None else Handshakes(tls, settings.handshake_seconds)
        nursery.start_soon(doorstep.run)
        try:
            yield Door(app, settings, terms, hands, clients, rules, doorstep, nursery, http)
        finally:
            doorstep.cut()
        nursery.cancel_scope.cancel()


async def serve(
    app: App,
    settings: EdgeSettings,
    listeners: Sequence[trio.SocketListener],
    pump: Pump,
    *,
    tls: ssl.SSLContext | None = None,
    quotas: Quotas | None = None,
    bodies: BodyRules | None = None,
    task_status: trio.TaskStatus[Door] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Listen until cancelled; hands out the door, whose `stop_accepting` begins a drain."""
    async with open_door(app, settings, pump, tls=tls, quotas=quotas, bodies=bodies) as door:
        task_status.started(door)
        await door.listen(listeners)
        # What the drain left: WebSockets that their owner has yet to end.
        await trio.sleep_forever()
