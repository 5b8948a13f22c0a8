"""Accepting and caps; over real sockets where the kernel has a say."""

import errno
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import trio
import trio.testing

from relayd.edge.addresses import Proxies
from relayd.edge.door import Door
from relayd.edge.listeners import open_listeners
from relayd.edge.settings import EdgeSettings
from relayd.edge.websocket import ClientSocket
from relayd.errors import ClientGone
from relayd.quotas.counters import Counters
from tests import defaults
from tests.edge.caller import SETTINGS, Caller, Log, SinkApp, frame, opened_door, until


def door_for(app: Any) -> Any:
    """An open door without a watcher."""
    return opened_door(app, SETTINGS)


@attrs.define(eq=False)
class BrokenListener:
    """Fails to accept a few times, as when the process is out of file descriptors."""

    failures: int
    attempts: list[float] = attrs.field(factory=list)
    socket: Any = attrs.field(factory=socket.socket)

    async def accept(self) -> Any:
        """Fail, then wait for ever."""
        self.attempts.append(trio.current_time())
        if len(self.attempts) <= self.failures:
            raise OSError(errno.EMFILE, "Too many open files")
        await trio.sleep_forever()


async def test_out_of_descriptors_backs_off(autojump_clock: trio.testing.MockClock) -> None:
    """A failed accept is tried again after a pause; it ends nothing."""
    listener: Any = BrokenListener(3)
    async with door_for(SinkApp(Log().receive_all)) as door, trio.open_nursery() as nursery:
        await nursery.start(door.listen, [listener])
        await trio.sleep(1)
        assert listener.attempts == pytest.approx([0, 0.1, 0.2, 0.3])
        door.stop_accepting()


@asynccontextmanager
async def listening(
    run: Any, settings: EdgeSettings = SETTINGS
) -> AsyncIterator[tuple[Door, tuple[str, int]]]:
    """A real listener on a free port."""
    listeners = await open_listeners(["127.0.0.1:0"], settings)
    host, port = listeners[0].socket.getsockname()[:2]
    async with opened_door(SinkApp(run), settings) as door, trio.open_nursery() as nursery:
        await nursery.start(door.listen, listeners)
        yield door, (host, port)
        nursery.cancel_scope.cancel()


async def reach(address: tuple[str, int]) -> Caller:
    """Connect and open a WebSocket."""
    caller = Caller(await trio.open_tcp_stream(*address))
    await caller.open()
    return caller


async def refused(address: tuple[str, int]) -> bool:
    """Whether a connection is reset: before connecting returns, or right after."""
    try:
        stream = await trio.open_tcp_stream(*address)
    except OSError:
        return True
    async with stream:
        return await Caller(stream).ended()


@pytest.mark.system
@pytest.mark.parametrize(
    "settings",
    [defaults.edge(connections_max=2), defaults.edge(connections_per_address=2)],
)
async def test_caps(settings: EdgeSettings) -> None:
    """Over a cap a connection is reset at once; when one ends there is room again."""
    async with listening(Log().receive_all, settings) as (door, address):
        first, second = await reach(address), await reach(address)
        assert await refused(address)
        await first.stream.aclose()
        await until(lambda: door.connections == 1)
        fourth = await reach(address)
        for caller in (second, fourth):
            await caller.stream.aclose()
        await until(lambda: not door.connections)
        counters = door.clients.quotas
        assert isinstance(counters, Counters)
        assert not counters._places


@pytest.mark.system
async def test_new_connections_of_a_second() -> None:
    """One address may connect so often; more are reset before a handshake, a proxy's never."""
    settings = defaults.edge(connections_per_second=3)
    async with listening(Log().receive_all, settings) as (_, address):
        callers = [await reach(address) for _ in range(3)]
        assert await refused(address)
        for caller in callers:
            await caller.stream.aclose()
    exempt = attrs.evolve(settings, proxies=Proxies(("127.0.0.1",)))
    async with listening(Log().receive_all, exempt) as (_, address):
        for caller in [await reach(address) for _ in range(5)]:
            await caller.stream.aclose()


@pytest.mark.system
async def test_exempt_networks_have_no_cap_per_address() -> None:
    """A trusted proxy brings everybody's connections."""
    settings = defaults.edge(connections_per_address=1, proxies=Proxies(("127.0.0.0/8",)))
    async with listening(Log().receive_all, settings) as (_, address):
        callers = [await reach(address) for _ in range(5)]
        for caller in callers:
            await caller.stream.aclose()


async def stalled(websocket: ClientSocket, log: Log) -> None:
    """A session that does not receive until it is told that the client is gone."""
    gone = trio.Event()
    websocket.on_gone(gone.set)
    log.add("open")
    await gone.wait()
    log.add("gone")
    with pytest.raises(ClientGone):
        await websocket.receive()


@pytest.mark.system
@pytest.mark.parametrize("reset", [False, True])
async def test_a_client_gone_while_nobody_reads(reset: bool) -> None:
    """FIN behind unread audio, and RST, are noticed within a second."""
    log = Log()
    async with listening(lambda websocket: stalled(websocket, log)) as (door, address):
        caller = await reach(address)
        await caller.send(frame(2, bytes(3200)) * 5)
        await until(lambda: log.entries)
        left_at = trio.current_time()
        assert isinstance(caller.stream, trio.SocketStream)
        if reset:
            linger = b"\1\0\0\0\0\0\0\0"
            caller.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        caller.stream.socket.close()
        await until(lambda: not door.connections)
        assert log.seen() == ["open", "gone"]
        assert log.entries[1][0] - left_at < 1


@pytest.mark.system
async def test_a_client_gone_behind_more_than_there_is_room_for() -> None:
    """Its FIN can't come, but what it answers to our ping does, long before silence counts."""
    log = Log()
    async with listening(lambda websocket: stalled(websocket, log)) as (door, address):
        caller = await reach(address)
        await until(lambda: log.entries)
        with trio.move_on_after(0.1) as full:
            while True:
                await caller.send(frame(2, bytes(16_384), key=bytes(4)))
                full.deadline = trio.current_time() + 0.1
        assert isinstance(caller.stream, trio.SocketStream)
        caller.stream.socket.close()
        await until(lambda: not door.connections)
    assert log.seen() == ["open", "gone"]


@pytest.mark.system
async def test_accepted_sockets_are_bounded_by_the_kernel() -> None:
    """TCP_USER_TIMEOUT and the buffers are what the settings say (Linux doubles buffers)."""
    found = {}

    async def look(websocket: ClientSocket) -> None:
        assert isinstance(websocket.stream, trio.SocketStream)
        option = websocket.stream.getsockopt
        found["timeout"] = option(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        found["send"] = option(socket.SOL_SOCKET, socket.SO_SNDBUF)
        await websocket.close(1000, "")

    async with listening(look) as (_, address):
        caller = await reach(address)
        assert await caller.close_code() == 1000
        await caller.stream.aclose()
    assert found == {"timeout": SETTINGS.tcp_user_timeout_ms, "send": 131_072}


@pytest.mark.system
async def test_a_client_that_never_reads_is_cut() -> None:
    """Past the kernel's bounded buffers a send blocks, and its deadline ends the connection."""
    ended = {}

    async def flood(websocket: ClientSocket) -> None:
        sent = 0
        try:
            while True:
                await websocket.send("x" * 1000)
                sent += 1000
        except ClientGone as gone:
            ended[str(gone)] = sent

    async with listening(flood, defaults.edge(send_seconds=0.2)) as (door, address):
        caller = Caller(await trio.open_tcp_stream(*address))
        await caller.open()
        await until(lambda: not door.connections)
        await caller.stream.aclose()
    assert list(ended) == ["does not read"]
