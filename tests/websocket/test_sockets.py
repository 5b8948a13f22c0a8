"""One end of a WebSocket over real sockets, plain and under TLS, in both roles."""

import contextlib
import ssl
from pathlib import Path

import attrs
import pytest
import trio
import trio.testing
from trio.testing import MockClock
from wsproto.events import BytesMessage, CloseConnection, TextMessage

from relayd.websocket import wires
from relayd.websocket.connection import WebSocket
from relayd.websocket.farewell import Cause, Farewell, WebSocketClosed
from relayd.websocket.pump import open_pump
from relayd.websocket.role import Role
from relayd.websocket.streams import LINGER_SECONDS
from relayd.websocket.take import TURN_MESSAGES
from tests.conftest import DeclaredErrors
from tests.websocket.ends import BOUNDS, TIMEOUTS, Peer, Transport, both_roles, ends
from tests.websocket.wire import frame

MEMORY = Transport("memory")
LOCKSTEP = Transport("memory", lockstep=True)
SMALL = 4096

both_sockets = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])


@attrs.define(eq=False)
class ContraryTls:
    """An OpenSSL that has to do the other thing first, once."""

    tls: ssl.SSLSocket
    wants_read: bool = False
    wants_write: bool = False

    def read(self, most: int) -> bytes:
        """As OpenSSL reads."""
        if self.wants_write:
            self.wants_write = False
            raise ssl.SSLWantWriteError
        return self.tls.read(most)

    def write(self, data: bytes) -> int:
        """As OpenSSL writes."""
        if self.wants_read:
            self.wants_read = False
            raise ssl.SSLWantReadError
        return self.tls.write(data)

    def pending(self) -> int:
        """What was decrypted and not read."""
        return self.tls.pending()


def socket_transport(tls: bool, certificate: Path, buffer_bytes: int | None = None) -> Transport:
    """A pair of sockets, perhaps with little room."""
    return Transport("socket", certificate if tls else None, buffer_bytes)


async def receive_all(websocket: WebSocket) -> None:
    """Somebody who receives to the end, and doesn't mind which."""
    with contextlib.suppress(WebSocketClosed):
        while True:
            await websocket.receive()


@pytest.mark.system
@both_roles
@both_sockets
async def test_a_socket_is_left_unread_too(
    role: Role, tls: bool, certificate: Path, autojump_clock: MockClock
) -> None:
    """What nobody takes stays in the kernel, and the pump doesn't run hot over it."""
    transport = socket_transport(tls, certificate, SMALL)
    async with ends(role, transport) as (websocket, peer), trio.open_nursery() as nursery:
        sent = 0

        async def flood() -> None:
            nonlocal sent
            while sent < 1000:
                await peer.say(BytesMessage(data=bytes(1000)))
                sent += 1

        nursery.start_soon(flood)
        # With a clock that only jumps when all is quiet, a pump that ran hot would never get here.
        await trio.sleep(1)
        held_back_at = sent
        assert held_back_at < 1000
        assert websocket._wire.holds_unread
        for _ in range(1000):
            assert await websocket.receive() == bytes(1000)
        assert sent == 1000


@pytest.mark.system
@both_roles
@both_sockets
async def test_the_rest_of_a_frame_goes_out_by_itself(
    role: Role, tls: bool, certificate: Path, autojump_clock: MockClock
) -> None:
    """What a full socket took in part is completed once there is room, not with the next send."""
    transport = socket_transport(tls, certificate, SMALL)
    async with ends(role, transport) as (websocket, peer):
        sent = 0
        while websocket.send_at_once(bytes([sent % 256]) * 30_000):
            sent += 1
        assert sent
        assert websocket._wire.waiting_since is not None
        for number in range(sent):
            got = b""
            while len(got) < 30_000:
                event = await peer.event()
                assert isinstance(event, BytesMessage)
                got += bytes(event.data)
            assert got == bytes([number % 256]) * 30_000
        assert trio.current_time() == 0
        assert websocket.send_at_once("there is room again")


@pytest.mark.system
@both_roles
@both_sockets
async def test_frames_keep_their_order_over_a_full_socket(
    role: Role, tls: bool, certificate: Path
) -> None:
    """Those that waited and those that did not, from several tasks, arrive once and whole."""
    transport = socket_transport(tls, certificate, SMALL)
    async with ends(role, transport) as (websocket, peer), trio.open_nursery() as nursery:
        order: list[int] = []

        async def send(first: int) -> None:
            for number in range(first, first + 100):
                message = str(number).ljust(700)
                if websocket.send_at_once(message):
                    order.append(number)
                    await trio.lowlevel.checkpoint()
                else:
                    order.append(number)
                    await websocket.send(message)

        for first in (0, 1000):
            nursery.start_soon(send, first)
        got: list[int] = []
        text = ""
        while len(got) < 200:
            event = await peer.event()
            assert isinstance(event, TextMessage)
            text += event.data
            if event.message_finished:
                assert len(text) == 700
                got.append(int(text))
                text = ""
        assert got == order


@pytest.mark.system
@both_roles
async def test_what_openssl_holds_is_read_too(
    role: Role, certificate: Path, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    """A record that was read in part leaves nothing on the socket that epoll could tell of."""
    monkeypatch.setattr(wires, "READ_BYTES", 100)
    async with ends(role, socket_transport(True, certificate)) as (websocket, peer):
        await peer.say(*[TextMessage(data="x" * 70)] * 50)
        with trio.fail_after(1):
            assert [await websocket.receive() for _ in range(20)] == ["x" * 70] * 20
            seen: list[str | bytes] = []

            def take(message: str | bytes) -> bool:
                seen.append(message)
                return len(seen) < 30

            await websocket.receive(take)


@pytest.mark.system
@both_roles
async def test_tls_that_must_read_to_write(
    role: Role, certificate: Path, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    """And write to read: then the one waits for the other, and the pump doesn't run hot."""
    async with ends(role, socket_transport(True, certificate)) as (websocket, peer):
        wire = websocket._wire
        assert isinstance(wire, wires.SocketWire)
        assert wire._tls is not None
        contrary = ContraryTls(wire._tls)
        monkeypatch.setattr(wire, "_tls", contrary)
        contrary.wants_read = True
        assert websocket.send_at_once("waits for something to read")
        await trio.sleep(1)
        assert wire.waiting_since is not None
        await peer.say(TextMessage(data="something"))
        assert await peer.event() == TextMessage(data="waits for something to read")
        assert await websocket.receive() == "something"
        contrary.wants_write = True
        await peer.say(TextMessage(data="read once it can be written"))
        assert await websocket.receive() == "read once it can be written"
        assert not contrary.wants_read
        assert not contrary.wants_write


@pytest.mark.system
@both_sockets
async def test_a_client_waits_for_the_servers_end(
    tls: bool, certificate: Path, autojump_clock: MockClock
) -> None:
    """As long as for its close frame; under TLS, where it may be waiting for ours, not so long."""
    async with ends(Role.CLIENT, socket_transport(tls, certificate)) as (websocket, peer):
        await peer.say(CloseConnection(code=1000))
        with pytest.raises(WebSocketClosed):
            await websocket.receive()
        began_at = trio.current_time()
        await websocket.finish()
        waited_seconds = trio.current_time() - began_at
        assert waited_seconds == (LINGER_SECONDS if tls else TIMEOUTS.close_seconds)


@pytest.mark.system
async def test_what_nobody_would_read_is_dropped() -> None:
    """A peer that is cut off is reset: the kernel keeps nothing for it."""
    listener, *_ = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener, open_pump() as pump:
        theirs = await trio.open_tcp_stream(*listener.socket.getsockname()[:2])
        websocket = WebSocket(await listener.accept(), Role.SERVER, pump, BOUNDS, TIMEOUTS)
        with trio.CancelScope() as scope:
            scope.cancel()
            await websocket.send(bytes(1000))
        assert websocket.farewell is not None

        async def read() -> None:
            while await theirs.receive_some():
                pass

        with trio.fail_after(10), pytest.raises(trio.BrokenResourceError):
            await read()
        await theirs.aclose()


@pytest.mark.system
@both_roles
@both_sockets
async def test_a_peer_that_takes_no_more_is_cut(
    role: Role, tls: bool, certificate: Path, autojump_clock: MockClock
) -> None:
    """Within the deadline of a send, though nobody waits for one."""
    transport = socket_transport(tls, certificate, SMALL)
    async with ends(role, transport) as (websocket, _):
        while websocket.send_at_once(bytes(30_000)):
            pass
        await trio.sleep(4.9)
        assert websocket.farewell is None
        await trio.sleep(0.5)
        assert websocket.farewell == Farewell(Cause.STALLED, 1006, "does not read")
        with pytest.raises(WebSocketClosed):
            await websocket.send("more")


@pytest.mark.system
@both_roles
@both_sockets
async def test_a_peer_that_floods_leaves_its_neighbours_their_turn(
    role: Role, tls: bool, certificate: Path
) -> None:
    """Thousands of messages that came in one read are taken some at a time."""
    flooded: list[str | bytes] = []

    def take(message: str | bytes) -> bool:
        flooded.append(message)
        return True

    transport = socket_transport(tls, certificate)
    async with ends(role, transport) as (websocket, peer), trio.open_nursery() as nursery:
        nursery.start_soon(websocket.receive, take)
        await peer.send(frame(1, b"x", key=peer.key) * 2000)
        while len(flooded) < 2000:
            before = len(flooded)
            await trio.lowlevel.checkpoint()
            # Trio may put two turns of the pump between two of ours.
            assert len(flooded) - before <= 2 * TURN_MESSAGES
        nursery.cancel_scope.cancel()


@pytest.mark.system
async def test_a_fault_in_the_pump_ends_that_connection_only(
    declared_errors: DeclaredErrors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is logged with its traceback, and the others go on."""
    transport = Transport("socket")
    async with (
        ends(Role.SERVER, transport) as (websocket, peer),
        transport.pair(Role.SERVER) as (ours, theirs),
        trio.open_nursery() as nursery,
    ):
        neighbour = WebSocket(ours, Role.SERVER, websocket.pump, websocket.bounds, TIMEOUTS)
        other = Peer(theirs, Role.CLIENT)
        nursery.start_soon(receive_all, websocket)

        def fail(data: bytes) -> bool:
            raise ZeroDivisionError

        broken = websocket._wire
        assert isinstance(broken, wires.SocketWire)
        monkeypatch.setattr(broken, "_owner", type("Broken", (), {"heard": fail}))
        await peer.say(TextMessage(data="x"))
        await other.say(TextMessage(data="still there"))
        assert await neighbour.receive() == "still there"
        assert broken.number < 0
        declared_errors.expect("connection failed")
        neighbour.release()
        nursery.cancel_scope.cancel()
