"""TLS on the socket itself: everything arrives, ends are told apart, and nothing stays open."""

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

from relayd.websocket.tls import TlsStream
from tests.websocket.ends import Transport

pytestmark = pytest.mark.system

PLENTY = bytes(range(256)) * 4096
SMALL = 4096


@asynccontextmanager
async def pair(
    certificate: Path, *, server: bool
) -> AsyncIterator[tuple[TlsStream, trio.SSLStream[trio.SocketStream]]]:
    """Ours, with little room in the kernel, and Trio's own, which minds how it ends."""
    one, two = Transport("socket", buffer_bytes=SMALL).sockets()
    context = ssl.create_default_context(cafile=str(certificate / "cert.pem"))
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    name = "localhost"
    if server:
        ours = TlsStream(one, serving, server_side=True)
        theirs = trio.SSLStream(two, context, server_hostname=name)
    else:
        ours = TlsStream(one, context, server_hostname=name)
        theirs = trio.SSLStream(two, serving, server_side=True)
    try:
        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(ours.do_handshake)
                nursery.start_soon(theirs.do_handshake)
            yield ours, theirs
    finally:
        ours.close()
        two.socket.close()


both = pytest.mark.parametrize("server", [False, True], ids=["client", "server"])


@both
async def test_everything_arrives(certificate: Path, server: bool) -> None:
    """In order and both ways at once, though the other end takes it bit by bit."""
    async with pair(certificate, server=server) as (ours, theirs):
        heard, said = bytearray(), bytearray()

        async def listen() -> None:
            while len(heard) < len(PLENTY):
                heard.extend(await ours.receive_some())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            nursery.start_soon(theirs.send_all, PLENTY)
            nursery.start_soon(ours.send_all, PLENTY)
            while len(said) < len(PLENTY):
                said += await theirs.receive_some(1000)
        assert (bytes(heard), bytes(said)) == (PLENTY, PLENTY)


async def test_no_more_than_is_asked_for(certificate: Path) -> None:
    """So many bytes at most; without a number, as many as a record has."""
    async with pair(certificate, server=True) as (ours, theirs):
        await theirs.send_all(b"0123456789")
        assert await ours.receive_some(4) == b"0123"
        assert await ours.receive_some() == b"456789"


async def test_a_wait_ends_when_there_is_room(certificate: Path) -> None:
    """Nothing is sent by waiting; one who waits goes on once the other end reads."""
    async with pair(certificate, server=True) as (ours, theirs):
        await ours.send_all(b"room")
        assert await theirs.receive_some() == b"room"
        await ours.wait_send_all_might_not_block()
        with trio.move_on_after(0.05) as sending:
            await ours.send_all(PLENTY)
        assert sending.cancelled_caught
        with trio.move_on_after(0.05) as waiting:
            await ours.wait_send_all_might_not_block()
        assert waiting.cancelled_caught
        async with trio.open_nursery() as nursery:

            async def read() -> None:
                while True:
                    await theirs.receive_some(1000)

            nursery.start_soon(read)
            await ours.wait_send_all_might_not_block()
            nursery.cancel_scope.cancel()


async def test_a_goodbye_is_an_end(certificate: Path) -> None:
    """The other end hears that nothing was cut off; so do we of them."""
    async with pair(certificate, server=True) as (ours, theirs):
        await ours.aclose()
        assert await theirs.receive_some() == b""
    async with pair(certificate, server=True) as (ours, theirs), trio.open_nursery() as nursery:
        nursery.start_soon(theirs.aclose)
        assert await ours.receive_some() == b""
        ours.close(goodbye=True)


async def test_without_a_goodbye_it_was_cut(certificate: Path) -> None:
    """Who closes without one leaves the other end to wonder what was to follow."""
    async with pair(certificate, server=True) as (ours, theirs):
        ours.close()
        with pytest.raises(trio.BrokenResourceError):
            await theirs.receive_some()
    async with pair(certificate, server=True) as (ours, theirs):
        await theirs.transport_stream.aclose()
        assert await ours.receive_some() == b""


async def test_what_is_closed_is_of_no_use(certificate: Path) -> None:
    """Whoever waits on it wakes, and whoever comes later is told; it may be closed twice."""
    async with pair(certificate, server=True) as (ours, _):

        async def listen() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await ours.receive_some()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            await trio.testing.wait_all_tasks_blocked()
            ours.close(goodbye=True)
        await listen()
        with pytest.raises(trio.ClosedResourceError):
            await ours.send_all(b"late")
        with pytest.raises(trio.ClosedResourceError):
            await ours.wait_send_all_might_not_block()
        ours.close(goodbye=True)
        await ours.aclose()
        assert ours.tls.fileno() == -1


async def test_a_goodbye_before_the_handshake_is_none() -> None:
    """There is nobody yet to take leave of; the socket is closed all the same."""
    one, two = socket.socketpair()
    with two:
        ours = TlsStream(_stream(one), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), server_side=True)
        ours.close(goodbye=True)
        assert two.recv(1) == b""


async def test_a_refused_socket_is_closed() -> None:
    """Where TLS can't even begin, nothing stays open."""
    one, two = socket.socketpair()
    with two:
        with pytest.raises(ValueError, match="server_hostname"):
            TlsStream(
                _stream(one),
                ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
                server_side=True,
                server_hostname="localhost",
            )
        assert two.recv(1) == b""


async def test_a_certificate_is_checked(certificate: Path) -> None:
    """Of another name than was asked for, it is nobody's."""
    one, two = Transport("socket").sockets()
    context = ssl.create_default_context(cafile=str(certificate / "cert.pem"))
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    ours = TlsStream(one, context, server_hostname="elsewhere.example")
    theirs = trio.SSLStream(two, serving, server_side=True)

    async def serve() -> None:
        with pytest.raises(trio.BrokenResourceError):
            await theirs.do_handshake()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        with pytest.raises(ssl.SSLCertVerificationError):
            await ours.do_handshake()
        ours.close(goodbye=True)
    two.socket.close()


def _stream(plain: socket.socket) -> trio.SocketStream:
    return trio.SocketStream(trio.socket.from_stdlib_socket(plain))
