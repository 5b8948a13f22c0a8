"""The engines' WebSocket against wsproto as the server, over memory streams."""

import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import pytest
import trio
import trio.testing
from trio.testing import MockClock
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Message, Ping, Pong, TextMessage

from relayd.engines.deepgram import websocket
from relayd.engines.deepgram.websocket import Ended, Farewell, WebSocket


@attrs.define(eq=False)
class Server:
    """The other end, already upgraded."""

    stream: trio.abc.Stream
    protocol: Connection = attrs.field(factory=lambda: Connection(ConnectionType.SERVER))

    async def say(self, *events: Event) -> None:
        """Send these."""
        await self.stream.send_all(b"".join(self.protocol.send(event) for event in events))

    async def hear(self) -> list[Event]:
        """What one read brings."""
        self.protocol.receive_data(bytes(await self.stream.receive_some()))
        return list(self.protocol.events())


def join(ours: trio.abc.Stream, theirs: trio.abc.Stream) -> tuple[WebSocket, Server]:
    """A connection and its other end."""
    return WebSocket(ours), Server(theirs)


def wire() -> tuple[WebSocket, Server]:
    """The same over memory."""
    return join(*trio.testing.memory_stream_pair())


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[WebSocket, Server]]:
    """The same with somebody who waits for results."""
    ws, server = wire()

    async def listen() -> None:
        with contextlib.suppress(Ended):
            while True:
                await ws.receive()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        yield ws, server
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("size", [1, 125, 126, 3200, 65_535, 65_536])
async def test_audio_of_any_length_arrives(size: int) -> None:
    """Each form of a frame's length is written as a server reads it."""
    ws, server = wire()
    audio = bytes(range(256)) * (size // 256 + 1)
    await ws.send(audio[:size])
    got = b""
    while len(got) < size:
        got += b"".join(bytes(e.data) for e in await server.hear() if isinstance(e, Message))
    assert got == audio[:size]


async def test_messages_come_in_order_and_whole() -> None:
    """Fragments are put together, and what came before the end is still handed out."""
    ws, server = wire()
    await server.say(
        TextMessage(data="one"),
        TextMessage(data="t", message_finished=False),
        Ping(payload=b"between"),
        TextMessage(data="wo"),
        BytesMessage(data=b"three"),
        CloseConnection(code=1011, reason="enough"),
    )
    assert [await ws.receive() for _ in range(3)] == ["one", "two", b"three"]
    with pytest.raises(Ended):
        await ws.receive()
    assert ws.closed == Farewell(1011, "enough")
    with pytest.raises(Ended):
        await ws.send("more")


@pytest.mark.parametrize("piece", [1, 2, 3, 5, 130, 4096])
async def test_results_arrive_however_they_were_cut(piece: int) -> None:
    """TCP keeps no boundaries; a ping or a fragment in between changes nothing."""
    ws, server = wire()
    texts = ["", "a", "é" * 62, "x" * 125, "y" * 126, "z" * 300]
    events: list[Event] = [TextMessage(data=text) for text in texts]
    events += [Ping(), TextMessage(data="frag", message_finished=False)]
    events += [TextMessage(data="ment"), TextMessage(data="last")]
    data = b"".join(server.protocol.send(event) for event in events)
    for at in range(0, len(data), piece):
        ws.take(data[at : at + piece])
    got = [await ws.receive() for _ in range(len(texts) + 2)]
    assert got == [*texts, "fragment", "last"]


async def test_a_result_that_is_no_text_ends_the_connection() -> None:
    """Broken UTF-8 can't be passed on."""
    ws, server = wire()
    await server.stream.send_all(b"\x81\x01\xff")
    with pytest.raises(Ended):
        await ws.receive()


async def test_pings_and_the_close_are_answered() -> None:
    """The far end hears a pong with its payload, and its own code."""
    async with listening() as (_, server):
        await server.say(Ping(payload=b"there?"))
        (pong,) = await server.hear()
        assert isinstance(pong, Pong)
        assert pong.payload == b"there?"
        await server.say(CloseConnection(code=1000))
        (close,) = await server.hear()
        assert isinstance(close, CloseConnection)
        assert close.code == 1000


async def test_our_ping_waits_for_its_pong(autojump_clock: MockClock) -> None:
    """And no longer than the connection lasts."""
    async with listening() as (ws, server):
        with trio.move_on_after(3) as waiting:
            await ws.ping()
        assert waiting.cancelled_caught
        (ping,) = await server.hear()
        assert isinstance(ping, Ping)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ws.ping)
            await server.hear()
            await server.say(ping.response())
        async with trio.open_nursery() as nursery:

            async def lonely() -> None:
                with pytest.raises(Ended):
                    await ws.ping()

            nursery.start_soon(lonely)
            await trio.testing.wait_all_tasks_blocked()
            await server.stream.aclose()


async def test_a_reader_that_is_slow_holds_the_engine_back(autojump_clock: MockClock) -> None:
    """Nothing is read that nobody asks for, so nothing piles up in memory."""
    ws, server = join(*trio.testing.lockstep_stream_pair())
    async with trio.open_nursery() as nursery:
        sent = 0

        async def flood() -> None:
            nonlocal sent
            while True:
                await server.say(TextMessage(data="x" * (websocket.RECEIVE_BYTES - 4)))
                sent += 1

        nursery.start_soon(flood)
        await trio.sleep(1)
        assert sent == 0
        await ws.receive()
        await trio.sleep(1)
        assert sent == 1
        nursery.cancel_scope.cancel()


async def test_a_message_without_end_ends_the_connection() -> None:
    """An engine gone mad costs 256 KiB, not all there is."""
    ws, server = wire()
    piece = TextMessage(data="x" * 65_536, message_finished=False)
    await server.say(*[piece] * 5)
    with pytest.raises(Ended):
        await ws.receive()
    assert ws.closed is not None
    assert ws.closed.code == 1009


async def test_why_a_send_failed_is_what_the_far_end_said() -> None:
    """Its close frame may still be unread when our audio already hits a closed socket."""
    ours, theirs = trio.testing.memory_stream_pair()
    ws, server = join(ours, theirs)
    await server.say(CloseConnection(code=1008, reason="DATA-0000"))
    await theirs.receive_stream.aclose()
    with pytest.raises(Ended):
        await ws.send(b"\0" * 3200)
    assert ws.closed == Farewell(1008, "DATA-0000")


async def test_bytes_that_are_no_websocket_end_it() -> None:
    """Reserved bits, for example."""
    ws, server = wire()
    await server.stream.send_all(b"\xff\xff\xff\xff")
    with pytest.raises(Ended):
        await ws.receive()
    assert ws.closed is not None
    assert ws.closed.code == 1002


async def test_closing_reads_the_last_words(autojump_clock: MockClock) -> None:
    """What the engine says between our goodbye and its own can be had afterwards."""
    ws, server = wire()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ws.close)
        (close,) = await server.hear()
        assert isinstance(close, CloseConnection)
        for number in range(20):
            await server.stream.send_all(_text(f"word {number}"))
        await server.say(close.response())
        await trio.testing.wait_all_tasks_blocked()
        assert [await ws.receive() for _ in range(20)][-1] == "word 19"


@pytest.mark.system
async def test_what_a_full_socket_took_in_part_is_completed() -> None:
    """No frame is lost or torn where `send_at_once` filled the socket."""
    one, two = socket.socketpair()
    one.setblocking(False)
    two.setblocking(False)
    ours = trio.SocketStream(trio.socket.from_stdlib_socket(one))
    theirs = trio.SocketStream(trio.socket.from_stdlib_socket(two))
    ws, server = join(ours, theirs)
    async with ours, theirs:
        sent = 0
        while ws.send_at_once(bytes([sent % 256]) * 30_000):
            sent += 1
        assert sent
        got: list[bytes] = [b""]

        async def read() -> None:
            while len(got) <= sent + 1:
                for event in await server.hear():
                    assert isinstance(event, BytesMessage)
                    got[-1] += bytes(event.data)
                    if event.message_finished:
                        got.append(b"")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await ws.send(b"end")
        assert got == [*(bytes([n % 256]) * 30_000 for n in range(sent)), b"end", b""]


def _text(text: str) -> bytes:
    return bytes((0x81, len(text))) + text.encode()
