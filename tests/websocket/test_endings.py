"""How a connection ends: who is told, what still goes out, and what no longer does."""

import functools

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage

from relayd.websocket.connection import WebSocket
from relayd.websocket.decoder import CONTROLS
from relayd.websocket.farewell import Cause, Farewell, WebSocketClosed
from relayd.websocket.role import LAST_WORDS_SECONDS, Role, Timeouts
from tests.websocket.ends import Peer, both_roles, ends
from tests.websocket.wire import frame

QUIET = Timeouts(ping_seconds=15, pong_seconds=5, send_seconds=5, close_seconds=2)


async def breach(peer: Peer) -> None:
    """Send what no peer may: a reserved bit."""
    await peer.send(bytes([0xC1, 0x80 if peer.key else 0]) + peer.key)


@both_roles
async def test_everybody_who_asked_is_told(role: Role) -> None:
    """Once each, in the order of asking, also where one of them is at fault."""
    told: list[str] = []
    async with ends(role) as (websocket, peer):
        websocket.on_end(lambda: told.append("first"))
        websocket.on_end(lambda: told.append("second"))
        await peer.say(CloseConnection(code=1000))
        for _ in range(2):
            with pytest.raises(WebSocketClosed):
                await websocket.receive()
    assert told == ["first", "second"]


@both_roles
async def test_nobody_is_told_of_an_end_of_our_own(role: Role, autojump_clock: MockClock) -> None:
    """Whoever closes knows."""
    told: list[str] = []
    async with ends(role) as (websocket, _):
        websocket.on_end(lambda: told.append("ended"))
        await websocket.close(1000)
    assert told == []


@both_roles
async def test_nothing_is_sent_behind_a_close(role: Role, autojump_clock: MockClock) -> None:
    """Neither behind ours nor behind the echo of the peer's."""
    async with ends(role) as (websocket, peer), trio.open_nursery() as nursery:
        nursery.start_soon(websocket.close, 1000)
        await wait_all_tasks_blocked()
        assert websocket.closed
        assert not websocket.send_at_once("late")
        with pytest.raises(WebSocketClosed):
            await websocket.send("late")
        assert await peer.event() == CloseConnection(code=1000, reason="")
        await peer.send(frame(8, b"\x03\xe8", key=peer.key))
    async with ends(role) as (websocket, peer):
        await peer.say(CloseConnection(code=1000, reason="that was all"))
        with pytest.raises(WebSocketClosed):
            await websocket.receive()
        assert not websocket.send_at_once("late")
        # The same code, and no words: they were the peer's own.
        assert await peer.events() == [CloseConnection(code=1000, reason="")]
        assert await peer.event() is None


async def test_no_ping_follows_a_close(autojump_clock: MockClock) -> None:
    """However long the peer takes to answer it."""
    patient = Timeouts(ping_seconds=1, pong_seconds=60, send_seconds=5, close_seconds=30)
    async with ends(Role.SERVER, timeouts=patient) as (websocket, peer):
        heard = b""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(websocket.close, 1000)
            while data := await peer.stream.receive_some():
                heard += data
        assert trio.current_time() == 30
        assert heard == b"\x88\x02\x03\xe8"


@both_roles
async def test_one_ends_and_another_receives(role: Role, autojump_clock: MockClock) -> None:
    """What comes after our close is for whoever closes; nobody else begins to receive."""
    words: list[str | bytes] = []

    def take(message: str | bytes) -> bool:
        words.append(message)
        return True

    async with ends(role) as (websocket, peer), trio.open_nursery() as nursery:
        nursery.start_soon(functools.partial(websocket.close, 1000, take=take))
        await wait_all_tasks_blocked()
        with pytest.raises(WebSocketClosed):
            await websocket.receive()
        await peer.send(frame(1, b"word", key=peer.key) + frame(8, key=peer.key))
    assert words == ["word"]
    assert trio.current_time() == 0


@both_roles
async def test_finishing_lets_a_departure_end(role: Role, autojump_clock: MockClock) -> None:
    """The peer still reads why, and the socket ends as soon as its own end comes."""
    async with ends(role) as (websocket, peer):
        await breach(peer)
        with pytest.raises(WebSocketClosed):
            await websocket.receive()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(websocket.finish)
            (close,) = await peer.events()
            assert isinstance(close, CloseConnection)
            assert close.code == 1002
            await trio.sleep(0.5)
            await peer.stream.aclose()
        assert trio.current_time() == 0.5


@both_roles
async def test_a_server_ends_first(role: Role, autojump_clock: MockClock) -> None:
    """Once both have said goodbye a client waits for the server's end, but not for long."""
    async with ends(role, timeouts=QUIET) as (websocket, peer):
        await peer.say(CloseConnection(code=1000))
        with pytest.raises(WebSocketClosed):
            await websocket.receive()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(websocket.finish)
            assert isinstance(await peer.event(), CloseConnection)
            assert await peer.event() is None
            assert trio.current_time() == 0
        assert trio.current_time() == (0 if role is Role.SERVER else QUIET.close_seconds)


@both_roles
async def test_who_is_let_go_of_hears_nothing(role: Role) -> None:
    """Whoever waits to receive or to send wakes; nobody is called back for an end of our own."""
    told: list[str] = []
    async with ends(role) as (websocket, _), trio.open_nursery() as nursery:
        websocket.on_end(lambda: told.append("ended"))

        async def receive() -> None:
            with pytest.raises(WebSocketClosed, match="closed"):
                await websocket.receive()

        nursery.start_soon(receive)
        await wait_all_tasks_blocked()
        websocket.release()
        assert websocket.farewell == Farewell(Cause.LOST, 1006, "closed")
    assert told == []


@both_roles
async def test_a_peer_that_vanishes(role: Role) -> None:
    """Without a close frame it is lost: to who receives, and to who sends."""
    async with ends(role) as (websocket, peer):
        await peer.stream.aclose()
        with pytest.raises(WebSocketClosed):
            await websocket.receive()
        assert websocket.farewell == Farewell(Cause.LOST, 1006, "hung up")
    async with ends(role) as (websocket, peer):
        assert isinstance(peer.stream, trio.StapledStream)
        await peer.stream.receive_stream.aclose()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hold_out, websocket)
            await wait_all_tasks_blocked()
            await peer.stream.send_stream.aclose()
        assert websocket.farewell is not None
        assert (websocket.farewell.cause, websocket.farewell.code) == (Cause.LOST, 1006)


@both_roles
async def test_a_peer_that_takes_no_more_and_says_nothing(
    role: Role, autojump_clock: MockClock
) -> None:
    """Why is waited for a little; then the connection is lost."""
    async with ends(role) as (websocket, peer):
        assert isinstance(peer.stream, trio.StapledStream)
        await peer.stream.receive_stream.aclose()
        await hold_out(websocket)
        assert websocket.farewell == Farewell(Cause.LOST, 1006, "connection lost")
        assert trio.current_time() == LAST_WORDS_SECONDS


@both_roles
async def test_pongs_go_first(role: Role) -> None:
    """Nothing that needs no waiting gets ahead of the answer to a ping."""
    sent: list[bool] = []

    def take(message: str | bytes) -> bool:
        sent.append(websocket.send_at_once("reply"))
        return False

    async with ends(role) as (websocket, peer):
        await peer.say(Ping(payload=b"there?"), TextMessage(data="question"))
        assert await websocket.receive(take) == "question"
        assert sent == [False]
        assert await peer.event() == Pong(payload=b"there?")


async def hold_out(websocket: WebSocket) -> None:
    """Send to somebody who reads no more."""
    with pytest.raises(WebSocketClosed):
        await websocket.send("anybody?")


@both_roles
async def test_while_nobody_receives_no_silence_counts(
    role: Role, autojump_clock: MockClock
) -> None:
    """A pong may be among what nobody reads; whoever begins to receive has the time for it."""
    async with ends(role, timeouts=QUIET) as (websocket, peer), trio.open_nursery() as nursery:
        await peer.say(TextMessage(data="here"))
        assert await websocket.receive() == "here"
        await trio.sleep(60)
        assert websocket.farewell is None
        assert await peer.event() == Ping()
        await peer.say(BytesMessage(data=b"still here"))
        await trio.sleep(60)
        assert await websocket.receive() == b"still here"
        assert websocket.farewell is None
        nursery.cancel_scope.cancel()


@both_roles
async def test_a_peer_that_leaves_while_nobody_receives(
    role: Role, autojump_clock: MockClock
) -> None:
    """It has hung up once the grace is over; whoever receives within it hears its words."""
    async with ends(role) as (websocket, peer):
        await peer.say(TextMessage(data="bye"))
        websocket.hung_up()
        await trio.sleep(0.25)
        assert await websocket.receive() == "bye"
        await trio.sleep(5)
        assert websocket.farewell is None
        websocket.hung_up()
        await trio.sleep(0.5)
        assert websocket.farewell is None
        await trio.sleep(0.5)
        assert websocket.farewell == Farewell(Cause.LOST, 1006, "hung up")


async def test_who_never_says_anything_is_given_up(autojump_clock: MockClock) -> None:
    """A stranger who is waited for is pinged like anybody, and must answer."""
    told: list[float] = []
    async with ends(Role.SERVER, timeouts=QUIET) as (websocket, _):
        websocket.expect(lambda: told.append(trio.current_time()))
        await trio.sleep(60)
        assert websocket.farewell == Farewell(Cause.SILENT, 1006, "answers no ping")
        assert len(told) == 1
        assert 20 <= told[0] <= 21


async def test_who_is_yet_to_say_who_they_are_may_ping_little(autojump_clock: MockClock) -> None:
    """However long one waits for a first message, a stranger's bounds hold."""
    async with ends(Role.SERVER) as (websocket, peer):
        websocket.expect(lambda: None)
        await trio.sleep(5)
        await peer.say(*[Ping()] * (CONTROLS[True][0] + 1))
        last = (await peer.events())[-1]
        assert last == CloseConnection(code=1008, reason="too many pings and pongs")


@pytest.mark.parametrize("words", [b"", frame(8, b"\x03\xe8")], ids=["hangs up", "closes"])
async def test_an_end_is_announced_like_a_first_message(words: bytes) -> None:
    """Whoever waits for a stranger's first message hears that none will come."""
    announced: list[None] = []
    async with ends(Role.SERVER) as (websocket, peer):
        websocket.expect(lambda: announced.append(None))
        await peer.send(words)
        await peer.stream.aclose()
        await wait_all_tasks_blocked()
        assert announced
        websocket.expect_no_more()
        with pytest.raises(WebSocketClosed):
            await websocket.receive()
