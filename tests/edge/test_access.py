"""The access log: whatever ends a request, it has one line, with what became of it."""

import logging
from typing import Any

import attrs
import pytest
import trio
import trio.testing
from hypercorn.config import Config

from relayd.edge.access import Silence
from relayd.edge.addresses import Proxies
from tests.conftest import DeclaredErrors
from tests.edge.caller import PEER, SETTINGS, Caller, call, opened_door

GET = b"GET /some HTTP/1.1\r\nHost: x\r\n\r\n"
HEADERS = [(b"content-length", b"4")]
START = {"type": "http.response.start", "status": 203, "headers": HEADERS}


async def swift(scope: Any, receive: Any, send: Any) -> None:
    """Answer."""
    await send(START)
    await send({"type": "http.response.body", "body": b"done"})


async def slow(scope: Any, receive: Any, send: Any) -> None:
    """Answer later, whatever happens."""
    await trio.sleep(1)
    await swift(scope, receive, send)


async def stuck(scope: Any, receive: Any, send: Any) -> None:
    """Begin, and never end."""
    await send(START)
    await trio.sleep_forever()


async def silent(scope: Any, receive: Any, send: Any) -> None:
    """Wait for the client's end and say nothing."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def broken(scope: Any, receive: Any, send: Any) -> None:
    """Fail at once."""
    raise ValueError("broken")


async def broken_half_way(scope: Any, receive: Any, send: Any) -> None:
    """Fail after the answer's head."""
    await send(START)
    raise ValueError("broken")


def statuses(caplog: pytest.LogCaptureFixture) -> list[Any]:
    """Of each line, in order."""
    found = [one.__dict__["facts"] for one in caplog.records if one.getMessage() == "request"]
    for facts in found:
        assert (facts["method"], facts["path"]) == ("GET", "/some")
        assert facts["address"] == PEER.address
    return [facts["status"] for facts in found]


async def leave(caller: Caller) -> None:
    """Close without reading."""
    await caller.stream.aclose()


async def leave_on_the_last_byte(caller: Caller) -> None:
    """Read exactly the answer, then close."""
    received = b""
    while not received.endswith(b"done"):
        received += bytes(await caller.stream.receive_some(1))
    await caller.stream.aclose()


async def close_half(caller: Caller) -> None:
    """Say that nothing follows, and read the answer."""
    assert isinstance(caller.stream, trio.StapledStream)
    await caller.stream.send_stream.aclose()
    assert await caller.ended()


async def stay(caller: Caller) -> None:
    """Until the server ends it."""
    assert await caller.ended()


@pytest.mark.parametrize(
    "case",
    [
        (swift, stay, 203),
        (swift, leave_on_the_last_byte, 203),
        (slow, close_half, 203),
        (slow, stay, 203),
        (slow, leave, "-"),
        (stuck, stay, "-"),
        (stuck, leave, "-"),
        (silent, stay, "-"),
        (silent, leave, "-"),
        (broken, stay, 500),
        (broken_half_way, stay, "-"),
    ],
)
async def test_one_line(
    case: tuple[Any, Any, Any],
    autojump_clock: trio.testing.MockClock,
    caplog: pytest.LogCaptureFixture,
    declared_errors: DeclaredErrors,
) -> None:
    """An answer that is whole has its status, one that was cut off has none."""
    app, client, status = case
    caplog.set_level(logging.INFO)
    async with (
        opened_door(app, SETTINGS) as door,
        trio.open_nursery() as nursery,
    ):
        caller = call(door, nursery)
        await caller.send(GET)
        await client(caller)
    if app in {broken, broken_half_way}:
        declared_errors.expect("application failed")
    assert statuses(caplog) == [status]


async def test_the_client_leaves_while_the_end_is_sent(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Its leaving and the answer's end are one end, also where they come at once."""
    caplog.set_level(logging.INFO)
    async with (
        opened_door(swift, SETTINGS) as door,
        trio.open_nursery() as nursery,
    ):
        # In lockstep both follow from the client's last read; which comes first is Trio's choice.
        for _ in range(20):
            caller = call(door, nursery, lockstep=True)
            await caller.send(GET)
            await leave_on_the_last_byte(caller)
    assert len(statuses(caplog)) == 20


async def test_requests_of_one_connection(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A connection that is kept has a line for each of its requests, none for its own end."""
    caplog.set_level(logging.INFO)
    async with (
        opened_door(swift, SETTINGS) as door,
        trio.open_nursery() as nursery,
    ):
        caller = call(door, nursery)
        for _ in range(3):
            await caller.send(GET)
            assert (await caller.response())[0] == 203
        await caller.stream.aclose()
    assert statuses(caplog) == [203] * 3


async def test_hypercorn_writes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Its own line would be a second one."""
    caplog.set_level(logging.DEBUG)
    await Silence(Config()).access({}, None, 0.0)
    assert caplog.records == []


@pytest.mark.parametrize(
    ("trusted", "address"),
    [((), PEER.address), (("203.0.113.0/24",), "198.51.100.7")],
)
async def test_whose_request_it_was(
    trusted: Any,
    address: str,
    autojump_clock: trio.testing.MockClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Behind a proxy that is believed the line has the client's address, else the peer's."""
    caplog.set_level(logging.INFO)
    settings = attrs.evolve(SETTINGS, proxies=Proxies(trusted))
    async with (
        opened_door(swift, settings) as door,
        trio.open_nursery() as nursery,
    ):
        caller = call(door, nursery)
        await caller.send(GET[:-2] + b"X-Forwarded-For: 192.0.2.66, 198.51.100.7\r\n\r\n")
        await stay(caller)
    facts = [one.__dict__["facts"] for one in caplog.records if one.getMessage() == "request"]
    assert [one["address"] for one in facts] == [address]
