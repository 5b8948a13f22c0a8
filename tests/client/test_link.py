"""The connection under a stream: every silence has its deadline, every leave is clean."""

from collections.abc import Awaitable, Callable

import pytest
import trio
import trio.testing
from trio_websocket import WebSocketConnection

from relayd.client import Deadlines, DisconnectedError, open_stream
from relayd.client.transport import Address, Connect
from tests.client.server import URL, ScriptedServer, drain, end, silent


def through(server: ScriptedServer, before: Callable[[trio.Event], Awaitable[None]]) -> Connect:
    """A way to the server on which something happens before each message leaves the app.

    It is given what is set when the app closes the connection.
    """

    async def connect(address: Address) -> trio.abc.Stream:
        stream = await server.connect(address)
        assert isinstance(stream, trio.StapledStream)
        sending = stream.send_stream
        assert isinstance(sending, trio.testing.MemorySendStream)
        deliver = sending.send_all_hook
        assert deliver is not None

        closed = trio.Event()

        async def send() -> None:
            await before(closed)
            await deliver()

        sending.send_all_hook = send
        sending.close_hook = closed.set
        return stream

    return connect


async def test_the_end_has_a_deadline(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    """A server that ignores `stop` is left after `finish_seconds`."""
    server = ScriptedServer(nursery, silent)
    async with open_stream(
        URL, "tok", deadlines=Deadlines(finish_seconds=12), connect=server.connect
    ) as stream:
        await stream.stop()
        with pytest.raises(DisconnectedError, match="did not end within 12 s"):
            await drain(stream)
        assert trio.current_time() == pytest.approx(12, abs=0.001)
    nursery.cancel_scope.cancel()


async def test_a_dead_server_is_noticed(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    """A server that answers no ping is given up: 15 s of silence, then 15 s for the pong."""
    deaf = trio.Event()

    async def play_dead(connection: WebSocketConnection) -> None:
        # Its reader stops here: the queue of one message is full, no ping is answered.
        deaf.set()
        await trio.sleep_forever()

    server = ScriptedServer(nursery, play_dead)
    async with open_stream(URL, "tok", connect=server.connect) as stream:
        await deaf.wait()
        assert await stream.send(b"1")
        assert await stream.send(b"2")
        with pytest.raises(DisconnectedError, match="does not answer"):
            await drain(stream)
        assert trio.current_time() == pytest.approx(30, abs=0.001)
    nursery.cancel_scope.cancel()


async def test_a_quiet_server_lives(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    """Silence alone ends nothing as long as pings are answered."""

    async def pause(connection: WebSocketConnection) -> None:
        await trio.sleep(290)
        await end(connection)

    server = ScriptedServer(nursery, pause)
    async with open_stream(URL, "tok", connect=server.connect) as stream:
        assert len(await drain(stream)) == 1
        assert trio.current_time() == pytest.approx(290, abs=0.01)


@pytest.mark.parametrize("quiet_seconds", [0, 3, 25])
async def test_a_stalled_send_is_cut(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock, quiet_seconds: float
) -> None:
    """A server that takes no data costs the sender `send_seconds`, whenever it stops to."""

    async def block(closed: trio.Event) -> None:
        if stalled:
            # As a socket has it: who closes it wakes who waits for it.
            await closed.wait()
            raise trio.ClosedResourceError

    stalled: list[bool] = []
    server = ScriptedServer(nursery, silent)
    async with open_stream(URL, "tok", connect=through(server, block)) as stream:
        await trio.sleep(quiet_seconds)
        stalled.append(True)
        assert await stream.send(b"\0\0") is False
        assert trio.current_time() == pytest.approx(quiet_seconds + 10, abs=0.001)
        with pytest.raises(DisconnectedError, match="took no data for 10 s"):
            await drain(stream)
    nursery.cancel_scope.cancel()


async def test_many_sends_are_not_one_long_one(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    """A server that takes each message in time is not cut off, however long the app goes on."""

    async def lag(_: trio.Event) -> None:
        await trio.sleep(7)

    server = ScriptedServer(nursery, silent)
    async with open_stream(URL, "tok", connect=through(server, lag)) as stream:
        for _ in range(5):
            assert await stream.send(b"\0\0")
    nursery.cancel_scope.cancel()


async def test_a_ping_while_leaving_is_no_error(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    """A server's ping that crosses the closing handshake does not spoil an orderly leave."""

    async def ping_late(connection: WebSocketConnection) -> None:
        assert server.stream is not None
        await trio.sleep(1)
        await server.stream.send_all(b"\x89\x00")

    async def lag(_: trio.Event) -> None:
        await trio.sleep(1.5 if leaving else 0)

    leaving: list[bool] = []
    server = ScriptedServer(nursery, ping_late)
    async with open_stream(URL, "tok", connect=through(server, lag)):
        leaving.append(True)
    nursery.cancel_scope.cancel()


async def test_cancelling_leaves_at_once(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    """A cancelled app does not wait for the server."""
    server = ScriptedServer(nursery, silent)
    with trio.move_on_after(5) as scope:
        async with open_stream(URL, "tok", connect=server.connect) as stream:
            await drain(stream)
    assert scope.cancelled_caught
    assert trio.current_time() == pytest.approx(5, abs=0.001)
    nursery.cancel_scope.cancel()
