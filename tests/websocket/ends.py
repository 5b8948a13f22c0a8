"""Both ends of a WebSocket in one test: ours, and a peer whose framing is wsproto's."""

import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
import trio
import trio.testing
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Event

from relayd.websocket.connection import WebSocket
from relayd.websocket.decoder import Bounds
from relayd.websocket.pump import open_pump
from relayd.websocket.role import Role, Timeouts
from relayd.websocket.tls import TlsStream

__all__ = ["BOUNDS", "TIMEOUTS", "Peer", "Transport", "both_roles", "ends", "secured"]

BOUNDS = Bounds(200_000, 100_000)
TIMEOUTS = Timeouts(ping_seconds=10, pong_seconds=10, send_seconds=5, close_seconds=2)

both_roles = pytest.mark.parametrize("role", list(Role), ids=lambda role: role.name.lower())


@attrs.define(eq=False)
class Peer:
    """The other end."""

    stream: trio.abc.Stream
    role: Role
    frames: Connection = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        kind = ConnectionType.SERVER if self.role is Role.SERVER else ConnectionType.CLIENT
        self.frames = Connection(kind)

    @property
    def key(self) -> bytes:
        """What it masks with."""
        return b"\x37\xfa\x21\x3d" if self.role is Role.CLIENT else b""

    async def send(self, data: bytes) -> None:
        """Raw bytes."""
        await self.stream.send_all(data)

    async def say(self, *events: Event) -> None:
        """These, as frames."""
        await self.send(b"".join(self.frames.send(event) for event in events))

    async def event(self) -> Event | None:
        """The next event; None at the end of the stream."""
        while (event := next(iter(self.frames.events()), None)) is None:
            try:
                data = bytes(await self.stream.receive_some(65_536))
            except (trio.BrokenResourceError, trio.ClosedResourceError, OSError):
                return None
            if not data:
                return None
            self.frames.receive_data(data)
        return event

    async def events(self) -> list[Event]:
        """All events to the close frame or the end of the stream."""
        found: list[Event] = []
        while (event := await self.event()) is not None:
            found.append(event)
            if isinstance(event, CloseConnection):
                break
        return found


@attrs.frozen
class Transport:
    """What lies between the ends: memory, a socket, or TLS on one."""

    name: str
    certificate: Path | None = None
    # Of the kernel, where there is one.
    buffer_bytes: int | None = None
    # The other end's reading is felt by ours.
    lockstep: bool = False

    @asynccontextmanager
    async def pair(self, ours: Role) -> AsyncIterator[tuple[trio.abc.Stream, trio.abc.Stream]]:
        """Our stream and the peer's."""
        if self.name == "memory":
            make = trio.testing.lockstep_stream_pair if self.lockstep else None
            yield (make or trio.testing.memory_stream_pair)()
            return
        one, two = self.sockets()
        if self.certificate is None:
            yield one, two
        else:
            context = ssl.create_default_context(cafile=str(self.certificate / "cert.pem"))
            serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            serving.load_cert_chain(self.certificate / "cert.pem", self.certificate / "key.pem")
            server = ours is Role.SERVER
            mine = TlsStream(
                one,
                serving if server else context,
                server_side=server,
                server_hostname=None if server else "localhost",
            )
            theirs = trio.SSLStream(
                two,
                context if server else serving,
                server_side=not server,
                server_hostname="localhost" if server else None,
                https_compatible=True,
            )
            async with trio.open_nursery() as nursery:
                nursery.start_soon(mine.do_handshake)
                nursery.start_soon(theirs.do_handshake)
            yield mine, theirs
        two.socket.close()

    def sockets(self) -> tuple[trio.SocketStream, trio.SocketStream]:
        """Two that are connected."""
        one, two = socket.socketpair()
        for end in (one, two):
            end.setblocking(False)
            if self.buffer_bytes:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.buffer_bytes)
        wrap = trio.socket.from_stdlib_socket
        return trio.SocketStream(wrap(one)), trio.SocketStream(wrap(two))


@asynccontextmanager
async def ends(
    role: Role,
    transport: Transport = Transport("memory"),
    *,
    bounds: Bounds = BOUNDS,
    timeouts: Timeouts = TIMEOUTS,
    early: bytes = b"",
) -> AsyncIterator[tuple[WebSocket, Peer]]:
    """Our end in this role, and its peer."""
    theirs = Role.CLIENT if role is Role.SERVER else Role.SERVER
    async with open_pump() as pump, transport.pair(role) as (ours, other):
        websocket = WebSocket(ours, role, pump, bounds, timeouts, early)
        try:
            yield websocket, Peer(other, theirs)
        finally:
            websocket.release()


def secured(folder: Path) -> Path:
    """A certificate for localhost and its key, made in this folder."""
    openssl = shutil.which("openssl")
    assert openssl is not None, "the openssl command is needed to make a certificate"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"]
    command += ["-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - no input from outside
    return folder
