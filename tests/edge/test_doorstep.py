"""WebSockets whose apps have yet to say something: waiting, called in, drained."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import trio
import trio.testing
from trio.testing import MockClock, wait_all_tasks_blocked
from wsproto.events import Ping

from relayd.edge.addresses import Proxies
from relayd.edge.door import Door
from relayd.edge.doorstep import Guest
from relayd.edge.settings import EdgeSettings
from relayd.edge.websocket import ClientSocket
from relayd.errors import ClientGone
from tests import defaults
from tests.conftest import DeclaredErrors
from tests.edge.caller import SETTINGS, UPGRADE, Caller, Log, call, frame, opened_door

SECONDS = 10


@attrs.define(eq=False)
class Leaving:
    """An application that leaves each WebSocket on the doorstep, and this to serve it."""

    session: Callable[[ClientSocket], Any]
    returned: int = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        handover = scope["extensions"]["relayd.connection"]
        websocket = handover.take()
        await send({"type": "websocket.accept"})

        async def serve() -> None:
            await self.session(websocket)

        handover.leave(serve, SECONDS)
        # As Quart does after every call.
        await send({"type": "websocket.close", "code": 1000})
        self.returned += 1


@asynccontextmanager
async def doorstep(
    run: Callable[[ClientSocket], Any], settings: EdgeSettings = SETTINGS
) -> AsyncIterator[tuple[Door, trio.Nursery]]:
    """A door whose WebSockets wait, and where to call it from."""
    async with opened_door(Leaving(run), settings) as door, trio.open_nursery() as nursery:
        yield door, nursery
        nursery.cancel_scope.cancel()


async def guest(door: Door, nursery: trio.Nursery) -> Caller:
    """One that waits."""
    caller = call(door, nursery)
    await caller.open()
    await wait_all_tasks_blocked()
    return caller


async def test_whoever_is_silent_has_no_call(autojump_clock: MockClock) -> None:
    """The application's call is over, nothing is served, and the connection is open."""
    log = Log()
    async with doorstep(log.receive_all) as (door, nursery):
        caller = await guest(door, nursery)
        assert door.app.returned == 1  # type: ignore[attr-defined]
        assert (len(door.doorstep), log.entries) == (1, [])
        await caller.send(frame(9, b"there?"))
        assert (await caller.event()).payload == b"there?"  # type: ignore[union-attr]
        assert len(door.doorstep) == 1


async def test_the_first_message_calls_in(autojump_clock: MockClock) -> None:
    """It is the first that is received, and what comes behind it follows."""
    log = Log()
    async with doorstep(log.receive_all) as (door, nursery):
        caller = await guest(door, nursery)
        await trio.sleep(3)
        await caller.send(frame(1, b"me") + frame(2, b"\1") + frame(2, b"\2"))
        await wait_all_tasks_blocked()
        assert log.entries == [(3, "me"), (3, b"\1"), (3, b"\2")]
        assert len(door.doorstep) == 0
        await caller.send(frame(2, b"\3"))
        await wait_all_tasks_blocked()
        assert log.seen()[-1] == b"\3"


async def test_what_came_with_the_upgrade_calls_in(autojump_clock: MockClock) -> None:
    """Early is not silent: also behind more fragments than one turn works on."""
    log = Log()
    async with doorstep(log.receive_all) as (door, nursery):
        early = frame(1, fin=False) + frame(0, fin=False) * 200 + frame(0, b"me")
        for said in (frame(1, b"me"), early):
            caller = call(door, nursery)
            await caller.open(early=said)
            await wait_all_tasks_blocked()
        assert log.entries == [(0, "me"), (0, "me")]


@pytest.mark.parametrize("says_so", [False, True])
async def test_leaving_calls_in(autojump_clock: MockClock, says_so: bool) -> None:
    """What was to be served finds out that nobody is there."""
    log = Log()
    async with doorstep(log.receive_all) as (door, nursery):
        caller = await guest(door, nursery)
        if says_so:
            await caller.send(frame(8, b"\x03\xe8"))
        else:
            await caller.stream.aclose()
        await wait_all_tasks_blocked()
        assert [seconds for seconds, _ in log.entries] == [0, 0]
        assert len(door.doorstep) == 0


async def test_each_is_called_in_when_its_time_is_up(autojump_clock: MockClock) -> None:
    """So that it can be told; one that spoke before isn't served twice."""
    served: list[tuple[str, float]] = []

    async def session(websocket: ClientSocket) -> None:
        with trio.move_on_after(0) as patience:
            served.append((str(await websocket.receive_first()), trio.current_time()))
        if patience.cancelled_caught:
            served.append(("", trio.current_time()))
        await websocket.close(4408, "too late")

    async with doorstep(session) as (door, nursery):
        first = await guest(door, nursery)
        await trio.sleep(4)
        second, third = await guest(door, nursery), await guest(door, nursery)
        await trio.sleep(1)
        await second.send(frame(1, b"me"))
        assert await second.close_code() == 4408
        assert await first.close_code() == 4408
        assert await third.close_code() == 4408
        assert served == [("me", 5), ("", 10), ("", 14)]


async def test_a_drain_calls_everybody_in(autojump_clock: MockClock) -> None:
    """Whoever drains may go on once the last one is being served; who comes late is, at once."""
    served = 0

    async def session(websocket: ClientSocket) -> None:
        nonlocal served
        served += 1
        await websocket.close(1012, "restart")

    async with doorstep(session) as (door, nursery):
        callers = [await guest(door, nursery) for _ in range(3)]
        await door.doorstep.clear()
        assert (served, trio.current_time()) == (3, 0)
        callers.append(await guest(door, nursery))
        assert (served, len(door.doorstep)) == (4, 0)
        for caller in callers:
            assert await caller.close_code() == 1012


async def test_retiring_waits_for_the_doorstep(autojump_clock: MockClock) -> None:
    """It is empty when the last one is served, of itself or because its time is up."""
    async with doorstep(Log().receive_all) as (door, nursery):
        await guest(door, nursery)
        await door.doorstep.empty()
        assert trio.current_time() == SECONDS


async def test_leaving_the_door_cuts_who_waits(autojump_clock: MockClock) -> None:
    """Nothing is left open behind it."""
    log = Log()
    async with trio.open_nursery() as outside:
        async with opened_door(Leaving(log.receive_all)) as door:
            caller = call(door, outside)
            await caller.open()
            await wait_all_tasks_blocked()
        assert await caller.ended()
    assert log.entries == []


async def test_a_silent_guest_is_pinged(autojump_clock: MockClock) -> None:
    """As everybody is who says nothing; one that doesn't answer isn't waited for."""
    settings = defaults.edge(ping_seconds=2, pong_seconds=2)
    log = Log()
    async with doorstep(log.receive_all, settings) as (door, nursery):
        caller = await guest(door, nursery)
        assert isinstance(await caller.event(), Ping)
        await trio.sleep(4)
        assert log.seen() == ["on_gone", "answers no ping"]


async def test_an_exception_is_1011(
    autojump_clock: MockClock, declared_errors: DeclaredErrors
) -> None:
    """What fails here fails alone, logged once, as within a call."""

    async def session(websocket: ClientSocket) -> None:
        if await websocket.receive() == "break":
            raise ValueError("broken")
        raise ClientGone

    async with doorstep(session) as (door, nursery):
        broken, gone = await guest(door, nursery), await guest(door, nursery)
        await broken.send(frame(1, b"break"))
        assert await broken.close_code() == 1011
        await gone.send(frame(1, b"go"))
        assert await gone.close_code() == 1011
        declared_errors.expect("application failed")


async def test_a_call_that_fails_leaves_nobody(
    autojump_clock: MockClock, declared_errors: DeclaredErrors
) -> None:
    """Its connection is closed with 1011, and isn't served."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        handover = scope["extensions"]["relayd.connection"]
        websocket = handover.take()
        await send({"type": "websocket.accept"})
        handover.leave(lambda: Log().receive_all(websocket), SECONDS)
        raise ValueError("broken")

    async with opened_door(app) as door, trio.open_nursery() as nursery:
        caller = call(door, nursery)
        await caller.open()
        assert await caller.close_code() == 1011
        assert len(door.doorstep) == 0
        declared_errors.expect("application failed")


async def test_the_places_of_a_guest(autojump_clock: MockClock) -> None:
    """A proxy's client takes its place from its upgrade on, until what is served has ended."""
    behind = defaults.edge(connections_per_address=1, proxies=Proxies(("203.0.113.0/24",)))
    header = "X-Forwarded-For: 198.51.100.7\r\n"
    log = Log()
    async with doorstep(log.receive_all, behind) as (door, nursery):
        first, second = call(door, nursery), call(door, nursery)
        await first.open(header)
        for _ in range(2):
            await second.send((UPGRADE + header + "\r\n").encode())
            assert (await second.response())[0] == 429
            await first.send(frame(1, b"me"))
            second = call(door, nursery)
        assert "me" in log.seen()
        await first.stream.aclose()
        await wait_all_tasks_blocked()
        await call(door, nursery).open(header)


def test_a_guest_is_small() -> None:
    """What waits refers to its socket, what serves it and a deadline: to no request, no call."""
    assert [one.name for one in attrs.fields(Guest)] == ["websocket", "serve", "until"]
