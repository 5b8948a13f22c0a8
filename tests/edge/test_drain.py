"""Draining a door: what is under way is finished, and nothing else is begun."""

from typing import Any

import trio
import trio.testing

from tests.edge.caller import SETTINGS, call, opened_door

GET = b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"


async def answer(send: Any, body: bytes) -> None:
    """A whole response."""
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def door_for(app: Any) -> Any:
    """An open door without a watcher."""
    return opened_door(app, SETTINGS)


async def test_drain_ends_the_idle_and_lets_the_busy_finish(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A response during a drain says that it is the connection's last."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await trio.sleep(5)
        await answer(send, b"done")

    async with door_for(app) as door, trio.open_nursery() as nursery:
        idle, busy, late = (call(door, nursery) for _ in range(3))
        await busy.send(GET)
        await trio.testing.wait_all_tasks_blocked()
        door.stop_accepting()
        assert await idle.ended()
        assert await late.ended()
        assert trio.current_time() == 0
        status, headers, body = await busy.response()
        assert (status, headers["connection"], body) == (200, "close", b"done")
        assert await busy.ended()
        refused = call(door, nursery)
        assert await refused.ended()


async def test_requests_under_way_are_waited_for(autojump_clock: trio.testing.MockClock) -> None:
    """Whoever drains hears when the last answer is out."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await trio.sleep(5)
        await answer(send, b"done")

    async with door_for(app) as door, trio.open_nursery() as nursery:
        idle, busy = call(door, nursery), call(door, nursery)
        await busy.send(GET)
        await trio.testing.wait_all_tasks_blocked()
        door.stop_accepting()
        nursery.start_soon(busy.response)
        await door.requests_over()
        # With the answer out, the client has this long to close.
        assert trio.current_time() == 5 + SETTINGS.close_seconds
        assert await idle.ended()


async def test_drain_in_the_middle_of_an_answer(autojump_clock: trio.testing.MockClock) -> None:
    """An answer that began before the drain is delivered whole, and its connection then ends."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one ", "more_body": True})
        await trio.sleep(5)
        await send({"type": "http.response.body", "body": b"two", "more_body": False})

    async with door_for(app) as door, trio.open_nursery() as nursery:
        busy = call(door, nursery)
        await busy.send(GET)
        await trio.testing.wait_all_tasks_blocked()
        door.stop_accepting()
        assert (await busy.response())[2] == b"one two"
        assert await busy.ended()
        assert trio.current_time() == 5


async def test_drain_has_a_deadline(autojump_clock: trio.testing.MockClock) -> None:
    """A request that takes longer than the drain is cut."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await trio.sleep_forever()

    async with door_for(app) as door, trio.open_nursery() as nursery:
        caller = call(door, nursery)
        await caller.send(GET)
        await trio.testing.wait_all_tasks_blocked()
        door.stop_accepting()
        assert await caller.ended()
        assert trio.current_time() == SETTINGS.drain_seconds
