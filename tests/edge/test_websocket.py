"""One WebSocket as its session sees it, over streams in memory and under a mock clock."""

import pytest
import trio
import trio.testing
from wsproto.events import CloseConnection, Pong, TextMessage

from relayd.edge.websocket import ClientSocket
from relayd.errors import ClientGone
from tests.edge.caller import SETTINGS, Log, frame, session


async def test_messages_arrive(autojump_clock: trio.testing.MockClock) -> None:
    """Text as str, audio as bytes, an empty frame as b''."""
    log = Log()
    async with session(log.receive_all) as caller:
        await caller.send(frame(1, b"hey") + frame(2, b"\1\2") + frame(2))
        await trio.testing.wait_all_tasks_blocked()
        assert log.seen() == ["hey", b"\1\2", b""]


async def test_one_byte_at_a_time(autojump_clock: trio.testing.MockClock) -> None:
    """The slowest possible sender is understood all the same."""
    log = Log()
    async with session(log.receive_all) as caller:
        for byte in frame(2, bytes(300)) + frame(1, b"done"):
            await caller.send(bytes([byte]))
        await trio.testing.wait_all_tasks_blocked()
        assert log.seen() == [bytes(300), "done"]


async def test_the_peers_close_is_echoed_at_once(autojump_clock: trio.testing.MockClock) -> None:
    """The session learns of it, and the answer does not wait for the session to end."""
    log = Log()

    async def slow_to_settle(websocket: ClientSocket) -> None:
        await log.receive_all(websocket)
        await trio.sleep(30)

    async with session(slow_to_settle) as caller:
        await caller.send(frame(8, b"\x0f\xa0bye"))
        assert await caller.close_code() == 4000
        assert await caller.ended()
        assert trio.current_time() == 0
        assert log.seen() == ["on_gone", "bye"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x82\x01a", 1002),
        (frame(1, b"\xff"), 1007),
        (frame(2, bytes(SETTINGS.message_bytes + 1))[:200], 1009),
    ],
)
async def test_a_breach_is_told_and_ends_it(
    autojump_clock: trio.testing.MockClock, data: bytes, code: int
) -> None:
    """Close codes 1002, 1007, 1009 go out, and the session is told once."""
    log = Log()
    async with session(log.receive_all) as caller:
        await caller.send(data)
        assert await caller.close_code() == code
        assert await caller.ended()
        assert log.seen()[0] == "on_gone"
        assert len(log.seen()) == 2


async def test_a_breaching_peer_that_keeps_sending_is_cut(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """After 1009 what still comes is discarded for two seconds, then the socket closes."""

    async def run(websocket: ClientSocket) -> None:
        with pytest.raises(ClientGone):
            await websocket.receive()

    async with session(run) as caller:
        await caller.send(b"\x82\xff\0\0\0\0\x20\0\0\0" + bytes(4))
        assert await caller.close_code() == 1009
        await caller.send_until_cut(bytes(3200), every=0.1)
        assert trio.current_time() == pytest.approx(2, abs=0.2)


async def test_end_of_stream_is_client_gone(autojump_clock: trio.testing.MockClock) -> None:
    """A connection that just ends raises `ClientGone` and calls back."""
    log = Log()
    async with session(log.receive_all) as caller:
        await caller.stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert log.seen() == ["on_gone", "hung up"]


async def test_pings_are_answered_while_the_session_receives(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A pong for every ping, without the session's doing."""
    async with session(Log().receive_all) as caller:
        await caller.send(frame(9, b"a") + frame(9, b"b"))
        assert await caller.event() == Pong(payload=b"a")
        assert await caller.event() == Pong(payload=b"b")


async def test_a_pong_goes_before_what_its_ping_preceded(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A ping within a message is answered before the message is."""

    async def echo(websocket: ClientSocket) -> None:
        message = await websocket.receive()
        assert isinstance(message, str)
        await websocket.send(message)

    async with session(echo) as caller:
        await caller.send(frame(1, b"a", fin=False) + frame(9, b"p") + frame(0, b"b"))
        assert await caller.event() == Pong(payload=b"p")
        assert await caller.event() == TextMessage(data="ab")


async def test_cancelling_a_receive_loses_nothing(autojump_clock: trio.testing.MockClock) -> None:
    """A receive that timed out can be repeated, and sends still work."""
    log = Log()

    async def run(websocket: ClientSocket) -> None:
        with trio.move_on_after(3):
            await websocket.receive()
        await websocket.send("waiting")
        log.add(await websocket.receive())

    async with session(run) as caller:
        await caller.send(frame(2, b"abc")[:5])
        assert await caller.event() == TextMessage(data="waiting")
        await caller.send(frame(2, b"abc", key=bytes(4))[5:])
        await trio.testing.wait_all_tasks_blocked()
        assert len(log.entries) == 1
        assert log.entries[0][0] == 3


async def test_a_peer_that_never_reads_is_given_up(autojump_clock: trio.testing.MockClock) -> None:
    """`send` ends by its deadline, and the connection with it."""
    log = Log()

    async def run(websocket: ClientSocket) -> None:
        websocket.on_gone(lambda: log.add("on_gone"))
        with pytest.raises(ClientGone, match="does not read"):
            await websocket.send("hello")
        log.add("gave up")
        with pytest.raises(ClientGone):
            await websocket.receive()
        await websocket.close(1000, "")
        log.add("closed")

    async with session(run, lockstep=True) as caller:
        await trio.sleep(20)
        assert log.entries == [(5, "on_gone"), (5, "gave up"), (5, "closed")]
        assert await caller.ended()


async def test_a_cancelled_send_ends_the_connection(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Half a frame may be out, so nothing can follow; no task is left behind."""
    log = Log()

    async def run(websocket: ClientSocket) -> None:
        with trio.move_on_after(1):
            await websocket.send("hello")
        with pytest.raises(ClientGone):
            await websocket.send("again")
        await websocket.close(4413, "slow")
        log.add("closed")

    async with session(run, lockstep=True):
        await trio.sleep(2)
        assert log.entries == [(1, "closed")]


async def test_pinging_without_reading_the_pongs(autojump_clock: trio.testing.MockClock) -> None:
    """A peer that never reads its pongs is cut after the send deadline."""
    log = Log()
    async with session(log.receive_all, lockstep=True) as caller:
        for _ in range(10):
            await caller.send(frame(9, bytes(125)))
        await trio.sleep(10)
        assert log.entries == [(5, "on_gone"), (5, "does not read")]


async def test_close_waits_for_the_peers_close(autojump_clock: trio.testing.MockClock) -> None:
    """Close frame out, the peer's in, then the socket; what comes between is dropped."""
    log = Log()

    async def run(websocket: ClientSocket) -> None:
        websocket.on_gone(lambda: log.add("on_gone"))
        await websocket.close(4402, "no credit")
        log.add("closed")

    async with session(run) as caller:
        assert await caller.event() == CloseConnection(code=4402, reason="no credit")
        await caller.send(frame(2, b"late audio"))
        await trio.sleep(1)
        assert log.entries == []
        await caller.send(frame(8, b"\x11\x32"))
        assert await caller.ended()
        assert log.entries == [(1, "closed")]


async def test_close_waits_two_seconds_at_most(autojump_clock: trio.testing.MockClock) -> None:
    """A peer that never answers the close does not hold us."""
    log = Log()

    async def run(websocket: ClientSocket) -> None:
        await websocket.close(1000, "")
        log.add("closed")

    async with session(run) as caller:
        assert await caller.ended()
        assert log.entries == [(2, "closed")]


async def test_close_while_another_task_receives(autojump_clock: trio.testing.MockClock) -> None:
    """The receiver reads the peer's answer, and the close ends with it."""
    log = Log()

    async def run(websocket: ClientSocket) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(log.receive_all, websocket)
            await trio.lowlevel.checkpoint()
            await websocket.close(1000, "")
            log.add("closed")

    async with session(run) as caller:
        assert await caller.close_code() == 1000
        await caller.send(frame(8, b"\x03\xe8"))
        assert await caller.ended()
        await trio.testing.wait_all_tasks_blocked()
        assert (0, "closed") in log.entries


async def test_a_cancelled_close_cuts_the_socket(autojump_clock: trio.testing.MockClock) -> None:
    """Nothing waits after that."""

    async def run(websocket: ClientSocket) -> None:
        with trio.move_on_after(0.5):
            await websocket.close(1000, "")
        await trio.sleep(60)

    async with session(run) as caller:
        assert await caller.ended()
        assert trio.current_time() == 0.5


async def test_a_hang_up_is_told_while_nobody_receives(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """After some grace it ends for everyone; callbacks come once, late ones at once."""
    log = Log()

    async def run(websocket: ClientSocket) -> None:
        websocket.on_gone(lambda: log.add("first"))
        websocket._open.hung_up()
        await trio.sleep(1)
        websocket.on_gone(lambda: log.add("late"))
        with pytest.raises(ClientGone):
            await websocket.receive()
        await websocket.close(1000, "")

    async with session(run) as caller:
        assert await caller.ended()
        assert log.seen() == ["first", "late"]
