"""Frames leave whole and in order, however much of them the socket takes."""

import socket

import pytest
import trio
import trio.testing

from relayd.websocket.outlet import Outlet

FRAME = bytes(range(250)) * 40


async def pair() -> tuple[trio.SocketStream, trio.SocketStream]:
    """Two ends of a connection whose buffers are small."""
    ours, theirs = trio.socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    return trio.SocketStream(ours), trio.SocketStream(theirs)


@pytest.mark.system
async def test_what_was_taken_in_part_goes_first() -> None:
    """A frame cut by a full socket is finished before the next one begins."""
    ours, theirs = await pair()
    outlet = Outlet(ours)
    sent = 0
    while outlet.send_at_once(FRAME):
        sent += 1
    assert outlet.unfinished or sent
    received = bytearray()
    async with trio.open_nursery() as nursery, ours, theirs:
        nursery.start_soon(outlet.send, b"next", lambda: b"first ")
        while len(received) < sent * len(FRAME) + len(b"first next"):
            received += await theirs.receive_some()

    assert bytes(received) == FRAME * sent + b"first next"
    assert not outlet.unfinished


async def test_a_stream_that_is_no_socket_has_to_wait() -> None:
    """Under TLS and in memory nothing goes at once."""
    ours, theirs = trio.testing.memory_stream_pair()
    outlet = Outlet(ours)

    assert not outlet.send_at_once(b"x")
    await outlet.send(b"y")

    assert await theirs.receive_some() == b"y"


@pytest.mark.system
async def test_a_closed_socket_takes_nothing() -> None:
    """Whoever sends on it then hears why."""
    ours, _theirs = await pair()
    outlet = Outlet(ours)
    await ours.aclose()

    assert not outlet.send_at_once(b"x")
    with pytest.raises(trio.ClosedResourceError):
        await outlet.send(b"x")
    await _theirs.aclose()
