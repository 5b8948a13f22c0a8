"""One end of a WebSocket, in both roles: how messages are taken, sent, held back and cut off."""

import contextlib
import math
from pathlib import Path

import pytest
import trio
import trio.testing
from trio.testing import MockClock
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage

from relayd.websocket.connection import WebSocket
from relayd.websocket.decoder import CONTROLS
from relayd.websocket.farewell import Cause, Farewell, WebSocketClosed
from relayd.websocket.keepalive import BEAT_SECONDS
from relayd.websocket.role import Role, Timeouts
from relayd.websocket.take import LAST_MESSAGES
from tests.websocket.ends import Transport, both_roles, ends
from tests.websocket.wire import frame

MEMORY = Transport("memory")
LOCKSTEP = Transport("memory", lockstep=True)
SMALL = 4096

both_sockets = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])


def socket_transport(tls: bool, certificate: Path, buffer_bytes: int | None = None) -> Transport:
    """A pair of sockets, perhaps with little room."""
    return Transport("socket", certificate if tls else None, buffer_bytes)


async def receive_all(websocket: WebSocket) -> None:
    """Somebody who receives to the end, and doesn't mind which."""
    with contextlib.suppress(WebSocketClosed):
        while True:
            await websocket.receive()


@both_roles
@pytest.mark.parametrize("size", [0, 1, 125, 126, 3200, 65_535, 65_536])
async def test_messages_of_any_length_are_read_by_another_implementation(
    role: Role, size: int
) -> None:
    """Each form of a frame's length, masked where we are the client."""
    audio = (bytes(range(256)) * (size // 256 + 1))[:size]
    async with ends(role) as (websocket, peer):
        await websocket.send(audio)
        await websocket.send("text")
        got = b""
        while isinstance(event := await peer.event(), BytesMessage):
            got += bytes(event.data)
        assert got == audio
        assert event == TextMessage(data="text")


@both_roles
async def test_messages_that_came_before_the_end_are_still_handed_out(role: Role) -> None:
    """In order, and then the connection is over for everybody."""
    async with ends(role) as (websocket, peer):
        await peer.say(
            TextMessage(data="one"),
            BytesMessage(data=b"two"),
            CloseConnection(code=1011, reason="enough"),
        )
        assert [await websocket.receive() for _ in range(2)] == ["one", b"two"]
        for use in (websocket.receive, lambda: websocket.send("more")):
            with pytest.raises(WebSocketClosed, match="enough"):
                await use()
        assert not websocket.send_at_once("more")
        assert websocket.farewell == Farewell(Cause.CLOSED, 1011, "enough")


@both_roles
@pytest.mark.parametrize("piece", [1, 2, 3, 5, 130, 4096])
async def test_messages_arrive_however_they_were_cut(role: Role, piece: int) -> None:
    """TCP keeps no boundaries; a ping or a fragment in between changes nothing."""
    texts = ["", "a", "é" * 62, "x" * 125, "y" * 126, "z" * 300]
    async with ends(role) as (websocket, peer):
        events = [TextMessage(data=text) for text in texts]
        events += [TextMessage(data="frag", message_finished=False), TextMessage(data="ment")]
        data = b"".join(peer.frames.send(event) for event in [*events, TextMessage(data="last")])
        for at in range(0, len(data), piece):
            await peer.send(data[at : at + piece])
        found: list[str | bytes] = []

        def take(message: str | bytes) -> bool:
            found.append(message)
            return message != "last"

        await websocket.receive(take)
        assert found == [*texts, "fragment", "last"]


@both_roles
async def test_a_message_in_many_pieces_that_came_at_once(
    role: Role, autojump_clock: MockClock
) -> None:
    """More of it than is worked off in one go is worked off all the same, without another byte."""
    async with ends(role) as (websocket, peer):
        pieces = frame(1, b"a", fin=False, key=peer.key)
        pieces += frame(0, b"b", fin=False, key=peer.key) * 500 + frame(0, b"c", key=peer.key)
        await peer.send(pieces)
        with trio.fail_after(1):
            assert await websocket.receive() == "a" + "b" * 500 + "c"


@both_roles
async def test_what_came_with_the_handshake_is_answered(role: Role) -> None:
    """A ping in the same segment gets its pong, a close its echo, a message its reader."""
    key = b"" if role is Role.CLIENT else b"\1\2\3\4"
    early = frame(9, b"there?", key=key) + frame(1, b"hi", key=key) + frame(8, b"\x03\xe8", key=key)
    async with ends(role, early=early) as (websocket, peer):
        assert await websocket.receive() == "hi"
        with pytest.raises(WebSocketClosed):
            await websocket.receive()
        pong, close = await peer.events()
        assert pong == Pong(payload=b"there?")
        assert isinstance(close, CloseConnection)
        assert close.code == 1000


@both_roles
async def test_messages_are_taken_where_they_are_read(role: Role) -> None:
    """The receiving task sleeps on; it wakes for the first message that isn't taken."""
    taken: list[tuple[str | bytes, str]] = []

    def take(message: str | bytes) -> bool:
        taken.append((message, trio.lowlevel.current_task().name))
        return isinstance(message, bytes)

    async with ends(role) as (websocket, peer):
        await peer.say(BytesMessage(data=b"1"), BytesMessage(data=b"2"), TextMessage(data="stop"))
        await peer.say(BytesMessage(data=b"3"))
        assert await websocket.receive(take) == "stop"
        assert [message for message, _ in taken] == [b"1", b"2", "stop"]
        assert await websocket.receive() == b"3"


@both_roles
async def test_cancelling_a_receive_loses_nothing(role: Role, autojump_clock: MockClock) -> None:
    """Neither half a message nor one that was refused at that very moment."""
    async with ends(role) as (websocket, peer):
        data = peer.frames.send(TextMessage(data="whole"))
        await peer.send(data[:4])
        with trio.move_on_after(1) as patience:
            await websocket.receive()
        assert patience.cancelled_caught
        await peer.send(data[4:])
        assert await websocket.receive() == "whole"

        with trio.CancelScope() as scope:

            def refuse(message: str | bytes) -> bool:
                scope.cancel()
                return False

            await peer.say(TextMessage(data="refused"))
            await websocket.receive(refuse)
            pytest.fail("it was cancelled")
        assert await websocket.receive() == "refused"


@both_roles
async def test_a_fault_of_the_taker_is_raised_where_it_receives(role: Role) -> None:
    """It ends nobody else's connection, and nothing more is offered to it."""
    offered = []

    def fail(message: str | bytes) -> bool:
        offered.append(message)
        raise ZeroDivisionError("mine")

    async with ends(role) as (websocket, peer):
        await peer.say(TextMessage(data="one"), TextMessage(data="two"))
        with pytest.raises(ZeroDivisionError, match="mine"):
            await websocket.receive(fail)
        assert offered == ["one"]


@both_roles
async def test_who_does_not_receive_holds_the_peer_back(
    role: Role, autojump_clock: MockClock
) -> None:
    """Nothing is read that nobody asks for, so nothing piles up in memory."""
    async with ends(role, LOCKSTEP) as (websocket, peer), trio.open_nursery() as nursery:
        sent = 0

        async def flood() -> None:
            nonlocal sent
            while True:
                await peer.say(TextMessage(data="x" * 1000))
                sent += 1

        nursery.start_soon(flood)
        await trio.sleep(1)
        assert sent == 0
        await websocket.receive()
        await trio.sleep(1)
        assert sent == 1
        nursery.cancel_scope.cancel()


@both_roles
async def test_a_send_has_its_deadline(role: Role, autojump_clock: MockClock) -> None:
    """To the second; one that is cancelled ends the connection, since half of it may be out."""
    async with ends(role, LOCKSTEP) as (websocket, _):
        with pytest.raises(WebSocketClosed, match="does not read"):
            await websocket.send("hello")
        assert trio.current_time() == 5
        assert websocket.farewell is not None
        assert websocket.farewell.cause is Cause.STALLED
    async with ends(role, LOCKSTEP) as (websocket, _):
        with trio.move_on_after(1):
            await websocket.send("hello")
        assert websocket.farewell is not None


@both_roles
async def test_a_silent_peer_is_pinged_and_then_given_up(
    role: Role, autojump_clock: MockClock
) -> None:
    """No byte for so long, no answer to a ping for so long; any byte is an answer."""
    timeouts = Timeouts(ping_seconds=15, pong_seconds=5, send_seconds=5, close_seconds=2)
    async with ends(role, timeouts=timeouts) as (websocket, peer), trio.open_nursery() as nursery:
        nursery.start_soon(receive_all, websocket)
        assert await peer.event() == Ping()
        assert 15 <= trio.current_time() <= 15.5
        await peer.say(Pong())
        assert await peer.event() == Ping()
        answered_at = trio.current_time()
        assert await peer.event() is None
        assert 5 <= trio.current_time() - answered_at <= 5.5
        assert websocket.farewell == Farewell(Cause.SILENT, 1006, "answers no ping")


async def test_a_ping_that_was_not_sent_is_not_waited_for(autojump_clock: MockClock) -> None:
    """Where something is on its way out just then it is sent later, and held against nobody."""
    timeouts = Timeouts(ping_seconds=15, pong_seconds=5, send_seconds=30, close_seconds=2)
    async with (
        ends(Role.CLIENT, LOCKSTEP, timeouts=timeouts) as (websocket, peer),
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(receive_all, websocket)
        await trio.sleep(14)
        nursery.start_soon(websocket.send, "waits")
        await trio.sleep(10)
        assert websocket.farewell is None
        assert await peer.event() == TextMessage(data="waits")
        assert await peer.event() == Ping()
        nursery.cancel_scope.cancel()


async def test_why_a_send_failed_is_what_the_peer_said() -> None:
    """Its close frame may still be unread when our audio already hits a closed socket."""
    async with ends(Role.CLIENT) as (websocket, peer):
        await peer.say(CloseConnection(code=1008, reason="DATA-0000"))
        assert isinstance(peer.stream, trio.StapledStream)
        await peer.stream.receive_stream.aclose()
        with pytest.raises(WebSocketClosed):
            await websocket.send(bytes(3200))
        assert websocket.farewell == Farewell(Cause.CLOSED, 1008, "DATA-0000")


@both_roles
async def test_closing_hears_the_last_words(role: Role, autojump_clock: MockClock) -> None:
    """What the peer says between our goodbye and its own is offered to whoever closes."""
    words: list[str | bytes] = []

    def take(message: str | bytes) -> bool:
        words.append(message)
        return True

    async with ends(role) as (websocket, peer), trio.open_nursery() as nursery:
        nursery.start_soon(websocket.close, 1000, "bye", take)
        event = await peer.event()
        assert event == CloseConnection(code=1000, reason="bye")
        # wsproto says nothing more after it saw a close.
        await peer.send(frame(1, b"one", key=peer.key) + frame(1, b"two", key=peer.key))
        await trio.sleep(1)
        await peer.send(frame(8, b"\x03\xe8", key=peer.key))
    assert words == ["one", "two"]
    assert trio.current_time() == 1


@both_roles
@pytest.mark.parametrize("breach", [b"\xff\xff\xff\xff", b"\x81\x05hello"])
async def test_a_breach_is_told_to_who_receives_and_who_asked(
    role: Role, breach: bytes, autojump_clock: MockClock
) -> None:
    """Whoever asked is called back once; the close code goes out before the socket ends."""
    calls: list[Farewell | None] = []
    if role is Role.CLIENT:
        breach = bytes([breach[0], breach[1] | 0x80]) + breach[2:]
    async with ends(role) as (websocket, peer):
        websocket.on_end(lambda: calls.append(websocket.farewell))
        await peer.send(breach)
        with pytest.raises(WebSocketClosed):
            await websocket.receive()
        (close,) = await peer.events()
        assert isinstance(close, CloseConnection)
        assert close.code == 1002
        assert len(calls) == 1
        assert calls[0] is not None
        assert calls[0].cause is Cause.BREACH
        websocket.on_end(lambda: calls.append(None))
        assert calls[1:] == [None]


@both_roles
async def test_a_cancelled_close_ends_the_socket(role: Role, autojump_clock: MockClock) -> None:
    """Nothing waits after that, and everything may be done twice."""
    async with ends(role) as (websocket, peer):
        with trio.move_on_after(0.5):
            await websocket.close(1000)
        assert trio.current_time() == 0.5
        assert isinstance(await peer.event(), CloseConnection)
        assert await peer.event() is None
        await websocket.close(1000)
        await websocket.finish()
        websocket.release()
        assert math.isclose(trio.current_time(), 0.5)
        assert not websocket.pump.keepalive._members


@pytest.mark.parametrize("strange", [False, True])
async def test_a_flood_of_pings_ends_the_connection(
    strange: bool, autojump_clock: MockClock
) -> None:
    """A peer is told 1008; one in a session may ping more often than one who may be anybody."""
    async with ends(Role.SERVER) as (websocket, peer), trio.open_nursery() as nursery:

        async def receive() -> None:
            with pytest.raises(WebSocketClosed):
                await websocket.receive(strange=strange)

        nursery.start_soon(receive)
        for _ in range(80):
            await trio.sleep(BEAT_SECONDS)
            await peer.say(*[Ping()] * CONTROLS[strange][1])
        await trio.testing.wait_all_tasks_blocked()
        assert websocket.farewell is None
        await peer.say(*[Ping()] * 200)
        last = (await peer.events())[-1]
        assert last == CloseConnection(code=1008, reason="too many pings and pongs")


async def test_a_peer_that_talks_on(autojump_clock: MockClock) -> None:
    """Who goes on after our close frame is heard out for a while, and not listened to for ever."""
    heard: list[str | bytes] = []

    def take(message: str | bytes) -> bool:
        heard.append(message)
        return True

    async with ends(Role.SERVER) as (websocket, peer), trio.open_nursery() as nursery:
        nursery.start_soon(websocket.close, 1000, "", take)
        for number in range(LAST_MESSAGES - 1):
            await peer.send(frame(2, b"%d" % number))
        await trio.testing.wait_all_tasks_blocked()
        assert websocket.farewell is None
        # However it is cut: the last one counts, and not the end of what was read with it.
        await peer.send(b"".join(frame(2, b"%d" % (LAST_MESSAGES - 1 + n)) for n in range(5)))
        await trio.testing.wait_all_tasks_blocked()
        assert websocket.farewell is not None
        assert heard == [b"%d" % number for number in range(LAST_MESSAGES)]
        assert trio.current_time() == 0


async def test_a_first_message_is_announced_and_kept() -> None:
    """Whoever waits for one hears that it is there; it is received by whom that calls."""
    announced: list[None] = []
    async with ends(Role.SERVER) as (websocket, peer):
        websocket.expect(lambda: announced.append(None))
        await trio.testing.wait_all_tasks_blocked()
        assert announced == []
        await peer.send(frame(1, b"hello") + frame(1, b"again"))
        await trio.testing.wait_all_tasks_blocked()
        assert announced
        websocket.expect_no_more()
        assert [await websocket.receive() for _ in range(2)] == ["hello", "again"]


async def test_a_flood_after_a_breach(autojump_clock: MockClock) -> None:
    """Who was told off is heard out for a while, and cut off at once where they flood on."""
    async with ends(Role.SERVER) as (websocket, peer), trio.open_nursery() as nursery:
        nursery.start_soon(receive_all, websocket)
        await peer.send(frame(3))
        closed = await peer.event()
        assert isinstance(closed, CloseConnection)
        for _ in range(16):
            await peer.send(bytes(16_384))
        await trio.testing.wait_all_tasks_blocked()
        assert not websocket._released
        await peer.send(b"x")
        await trio.testing.wait_all_tasks_blocked()
        assert websocket._released
        assert trio.current_time() == 0
