"""Hostile input: whatever comes in, nothing gets out of a connection and its neighbours go on."""

import random
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing
from quart import websocket
from quart_trio import QuartTrio
from wsproto.events import TextMessage

from relayd.edge.door import Door, serve
from relayd.edge.listeners import open_listeners
from relayd.edge.websocket import ClientSocket
from relayd.errors import ClientGone
from relayd.websocket.pump import open_pump
from tests import defaults
from tests.conftest import DeclaredErrors
from tests.edge.caller import UPGRADE, Caller, call, frame, opened_door

# 20,000 with --long, and a part of them in every run.
CASES = (4_000, pytest.param(20_000, marks=pytest.mark.long))

HEAD = UPGRADE.encode()
WITHOUT_HOST = HEAD.replace(b"Host: example.org", b"Host: ex\xe4mple")

# The requests of which each ends a stock Hypercorn on Trio, or another server, at once.
REQUESTS = {
    "a byte after the head": (HEAD + b"\r\nx", 101),
    "a frame before the 101": (HEAD + b"\r\n" + frame(1, b"early"), 101),
    "a chunked body": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", 400),
    "a body in the same packet": (HEAD + b"Content-Length: 5\r\n\r\nhello", 400),
    "a broken subprotocol": (HEAD + b"Sec-WebSocket-Protocol: \xff\r\n\r\n", 400),
    "a broken extension": (HEAD + b"Sec-WebSocket-Extensions: \xff\r\n\r\n", 101),
    "a host that is not ASCII": (WITHOUT_HOST + b"\r\n", 400),
    "an exception in the handler": (HEAD.replace(b"/ws", b"/fail") + b"\r\n", 101),
}


def take(scope: Any) -> ClientSocket:
    """What the stream route does."""
    taken = scope["extensions"]["relayd.connection"].take()
    assert isinstance(taken, ClientSocket)
    return taken


def quart_app() -> QuartTrio:
    """Three routes: one takes the connection and echoes, one uses Quart's own, one fails."""
    app = QuartTrio(__name__)

    @app.websocket("/ws")
    async def taken() -> None:
        connection = take(websocket.scope)
        await websocket.accept()
        try:
            while True:
                message = await connection.receive()
                await connection.send(message if isinstance(message, str) else str(len(message)))
        except ClientGone:
            pass

    @app.websocket("/plain")
    async def plain() -> None:
        while True:
            message = await websocket.receive()
            # Quart's own receive makes None of an empty frame.
            await websocket.send("" if message is None else message)

    @app.websocket("/fail")
    async def fail() -> None:
        take(websocket.scope)
        await websocket.accept()
        raise ValueError("broken")

    @app.post("/body")
    async def body() -> str:
        return "read"

    return app


@asynccontextmanager
async def in_memory() -> AsyncIterator[tuple[Door, trio.Nursery]]:
    """A door in memory."""
    async with (
        opened_door(quart_app(), defaults.edge()) as door,
        trio.open_nursery() as nursery,
    ):
        yield door, nursery
        nursery.cancel_scope.cancel()


async def undisturbed(neighbour: Caller) -> None:
    """The neighbour's WebSocket still works."""
    await neighbour.send(frame(1, b"still there"))
    with trio.fail_after(30):
        assert await neighbour.event() == TextMessage(data="still there")


async def check(attacker: Caller, neighbour: Caller, name: str) -> None:
    """Send one of the requests."""
    data, expected = REQUESTS[name]
    await attacker.send(data)
    status, _, _ = await attacker.response()
    assert status == expected
    if "exception" in name:
        assert await attacker.close_code() == 1011
    await undisturbed(neighbour)


@pytest.mark.parametrize("name", REQUESTS)
async def test_each_request_in_memory(
    autojump_clock: trio.testing.MockClock, declared_errors: DeclaredErrors, name: str
) -> None:
    """Each is answered, and the neighbour goes on."""
    async with in_memory() as (door, nursery):
        neighbour = call(door, nursery)
        await neighbour.open()
        await check(call(door, nursery), neighbour, name)
    declared_errors.expect_any("Exception on websocket /fail")


@pytest.mark.system
async def test_each_request_over_real_sockets(declared_errors: DeclaredErrors) -> None:
    """The same through a real listener."""
    settings = defaults.edge()
    listeners = await open_listeners(["127.0.0.1:0"], settings)
    address = listeners[0].socket.getsockname()
    async with open_pump() as pump, trio.open_nursery() as nursery:

        async def serving(*, task_status: trio.TaskStatus[Any]) -> None:
            await serve(quart_app(), settings, listeners, pump, task_status=task_status)

        await nursery.start(serving)
        neighbour = Caller(await trio.open_tcp_stream(*address))
        await neighbour.open()
        for name in REQUESTS:
            attacker = Caller(await trio.open_tcp_stream(*address))
            await check(attacker, neighbour, name)
            await attacker.stream.aclose()
        await neighbour.stream.aclose()
        nursery.cancel_scope.cancel()
    declared_errors.expect("Exception on websocket /fail")


SEEDS = (
    HEAD + b"\r\n",
    HEAD + b"Sec-WebSocket-Protocol: a, b\r\nOrigin: https://example.org\r\n\r\n",
    HEAD.replace(b"/ws", b"/plain") + b"\r\n",
    b"GET /body HTTP/1.1\r\nHost: x\r\n\r\n" + HEAD + b"\r\n",
    b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc" + HEAD + b"\r\n",
    b"POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"GET /body HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    b"POST /body HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
)
FRAMES = (
    frame(1, b"text"),
    frame(2, bytes(3200)),
    frame(1, "häß€".encode(), fin=False) + frame(0, "😀".encode()),
    frame(9, b"ping"),
    frame(10, b"pong"),
    frame(8, struct.pack("!H", 1000) + b"bye"),
    frame(8),
    frame(2, fin=False) + frame(9) + frame(0),
)


def mutated(chance: random.Random, data: bytes) -> bytes:
    """The bytes with a few of them changed, dropped, doubled or swapped about."""
    out = bytearray(data)
    for _ in range(chance.choice((0, 1, 1, 2, 3, 8))):
        at = chance.randrange(len(out) or 1)
        match chance.randrange(6):
            case 0:
                out[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del out[at : at + chance.choice((1, 2, 10))]
            case 2:
                out[at:at] = bytes(chance.randrange(256) for _ in range(chance.choice((1, 3))))
            case 3:
                out[at:at] = out[at : at + chance.randrange(40)]
            case 4:
                if out:
                    at = min(at, len(out) - 1)
                    out[at] ^= 1 << chance.randrange(8)
            case _:
                out[at:at] = chance.choice((b"\r\n", b"\0", b"\xff", b",", b" ", b"\r\n\r\n"))
    return bytes(out)


def cases(chance: random.Random, count: int) -> Iterator[list[bytes]]:
    """Mutated handshakes and frames, cut into packets."""
    for _ in range(count):
        if chance.random() < 0.5:
            data = mutated(chance, chance.choice(SEEDS))
        else:
            data = chance.choice(SEEDS[:3])
        for _ in range(chance.randrange(4)):
            data += mutated(chance, chance.choice(FRAMES))
        cut = chance.randrange(len(data)) if chance.random() < 0.3 else 0
        yield [part for part in (data[:cut], data[cut:]) if part]


async def attack(door: Door, packets: list[bytes]) -> None:
    """One connection: send it all, read what comes, leave."""
    ours, theirs = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(door.serve_stream, theirs)
        try:
            for packet in packets[:-1]:
                await ours.send_all(packet)
                await trio.testing.wait_all_tasks_blocked()
            await ours.send_all(packets[-1])
        except trio.BrokenResourceError:
            pass
        await ours.aclose()


@pytest.mark.parametrize("count", CASES)
async def test_mutated_handshakes_and_frames(
    autojump_clock: trio.testing.MockClock, declared_errors: DeclaredErrors, count: int
) -> None:
    """Thousands of them: none raises out of its connection, logs an error or disturbs another."""
    chance = random.Random(20)  # noqa: S311 - repeatable, not secret
    async with in_memory() as (door, nursery):
        neighbour = call(door, nursery)
        await neighbour.open()
        for number, packets in enumerate(cases(chance, count)):
            try:
                await attack(door, packets)
            finally:
                assert not declared_errors.events, (number, packets, declared_errors.events)
            if number % 500 == 0:
                await undisturbed(neighbour)
        await undisturbed(neighbour)
        assert not door._http
        assert len(door.terms.pump.keepalive._members) == 1
