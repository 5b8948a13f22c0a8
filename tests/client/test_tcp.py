"""A TCP connection as a byte stream, over real sockets of this machine."""

import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from relayd.client.tcp import TcpStream

# More than the kernel keeps for both ends.
_LARGE = bytes(range(256)) * 64 * 1024


@asynccontextmanager
async def pair() -> AsyncIterator[tuple[TcpStream, trio.SocketStream]]:
    """Ours, and the other end."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        port = listener.socket.getsockname()[1]
        ours = TcpStream.taking(await trio.open_tcp_stream("127.0.0.1", port))
        async with ours, await listener.accept() as theirs:
            with trio.fail_after(30):
                yield ours, theirs


async def test_bytes_go_both_ways_until_the_end() -> None:
    """What is sent arrives, nothing is kept back, and an end is an empty piece."""
    async with pair() as (ours, theirs):
        await ours.send_all(bytearray(b"sound"))
        assert await theirs.receive_some() == b"sound"
        await theirs.send_all(b"words")
        assert await ours.receive_some(3) == b"wor"
        assert await ours.receive_some() == b"ds"
        await theirs.send_eof()
        assert await ours.receive_some() == b""


async def test_what_the_socket_does_not_take_at_once_follows() -> None:
    """A peer that reads late gets all of it, in order."""
    got = bytearray()
    async with pair() as (ours, theirs), trio.open_nursery() as nursery:
        nursery.start_soon(ours.send_all, _LARGE)
        await trio.testing.wait_all_tasks_blocked()
        while len(got) < len(_LARGE):
            got += await theirs.receive_some()
        await ours.wait_send_all_might_not_block()
    assert got == _LARGE


async def test_a_cancelled_app_sends_nothing() -> None:
    """Who is cancelled before it sends has sent nothing."""
    async with pair() as (ours, theirs):
        with trio.CancelScope() as scope:
            scope.cancel()
            await ours.send_all(b"too late")
        assert scope.cancelled_caught
        await ours.send_all(b"!")
        assert await theirs.receive_some() == b"!"


async def test_a_reset_is_a_broken_connection() -> None:
    """Whoever sends or receives over it learns that it broke."""
    async with pair() as (ours, theirs):
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        theirs.socket.close()
        with pytest.raises(trio.BrokenResourceError):
            await ours.receive_some()
        with pytest.raises(trio.BrokenResourceError):
            await ours.send_all(b"?")


async def test_closing_wakes_who_waits() -> None:
    """A connection that is cut here wakes its sender and its receiver, who hear of that."""
    async with pair() as (ours, _), trio.open_nursery() as nursery:

        async def send() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await ours.send_all(_LARGE)

        async def receive() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await ours.receive_some()

        nursery.start_soon(send)
        nursery.start_soon(receive)
        await trio.testing.wait_all_tasks_blocked()
        await trio.aclose_forcefully(ours)
        # And who comes later.
        await send()
        await receive()
