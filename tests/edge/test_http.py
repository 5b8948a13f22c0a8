"""HTTP/1.1 through Hypercorn's protocol class, over streams in memory and under a mock clock."""

import json
from typing import Any

import pytest
import trio
import trio.testing
from quart import request
from quart_trio import QuartTrio
from wsproto.events import TextMessage

from relayd.edge.settings import EdgeSettings
from relayd.edge.websocket import ClientSocket
from tests.conftest import DeclaredErrors
from tests.edge.caller import SETTINGS, UPGRADE, SinkApp, call, frame, opened_door

GET = b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"


async def greet(websocket: ClientSocket) -> None:
    """A session of one message."""
    await websocket.send("welcome")
    await websocket.close(1000, "")


def door_for(app: Any, settings: EdgeSettings = SETTINGS) -> Any:
    """An open door without a watcher."""
    return opened_door(app, settings)


async def answer(send: Any, body: bytes) -> None:
    """A whole response."""
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def test_requests_of_one_connection(autojump_clock: trio.testing.MockClock) -> None:
    """A connection is kept for further requests, pipelined ones too."""
    app = SinkApp(greet)
    async with door_for(app) as door, trio.open_nursery() as nursery:
        caller = call(door, nursery)
        await caller.send(GET)
        assert (await caller.response())[::2] == (200, b"hello")
        await caller.send(GET.replace(b"hello", b"again"))
        assert (await caller.response())[::2] == (200, b"hello")
        assert app.requests == ["/hello", "/again"]
        await caller.stream.aclose()


async def test_a_later_request_becomes_a_websocket(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Proxies keep connections alive: the upgrade may be the second request."""
    app = SinkApp(greet)
    async with door_for(app) as door, trio.open_nursery() as nursery:
        caller = call(door, nursery)
        await caller.send(GET)
        assert (await caller.response())[0] == 200
        await caller.open()
        assert await caller.event() == TextMessage(data="welcome")
        assert await caller.close_code() == 1000
        await caller.send(frame(8, b"\x03\xe8"))
        assert not door._http


async def test_a_pipelined_upgrade_waits_its_turn(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Request with a body, then an upgrade with a frame behind it, all in one packet."""
    app = SinkApp(greet)
    post = b"POST /first HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    post += b"3\r\nabc\r\n0\r\n\r\n"
    async with door_for(app) as door, trio.open_nursery() as nursery:
        caller = call(door, nursery)
        await caller.send(post + (UPGRADE + "\r\n").encode() + frame(1, b"early"))
        received = b""
        while not received.endswith(b"welcome"):
            received += bytes(await caller.stream.receive_some())
        assert received.index(b"HTTP/1.1 200") < received.index(b"hello")
        assert received.index(b"hello") < received.index(b"HTTP/1.1 101")
        assert app.requests == ["/first", "/ws"]
        await caller.stream.aclose()


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET  HTTP/1.1\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 20_000, 431),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 19 + b"\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
    ],
)
async def test_improper_requests(
    autojump_clock: trio.testing.MockClock, data: bytes, status: int
) -> None:
    """Each gets an answer in the form of all refusals, and its connection ends."""
    app = SinkApp(greet)
    async with door_for(app) as door, trio.open_nursery() as nursery:
        caller = call(door, nursery)
        await caller.send(data)
        answered, headers, body = await caller.response()
        assert answered == status
        # That of 413 is the application's, and this one has none.
        if status != 413:
            assert headers["content-type"] == "application/json"
            assert set(json.loads(body)["error"]) == {"code", "message"}
        assert await caller.ended()
    assert app.requests == []


async def test_h2c_is_not_spoken(autojump_clock: trio.testing.MockClock) -> None:
    """The offer is ignored, as a server may: the request gets its HTTP/1.1 answer."""
    async with door_for(SinkApp(greet)) as door, trio.open_nursery() as nursery:
        caller = call(door, nursery)
        await caller.send(
            b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\n"
            b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"
        )
        assert (await caller.response())[::2] == (200, b"hello")
        await caller.stream.aclose()


@pytest.mark.parametrize("sent", [b"", b"GET / HT"])
async def test_a_slow_head_is_cut(autojump_clock: trio.testing.MockClock, sent: bytes) -> None:
    """A head that never completes costs its sender the connection, with no answer."""
    async with door_for(SinkApp(greet)) as door, trio.open_nursery() as nursery:
        caller = call(door, nursery)
        await caller.send(sent)
        assert await caller.ended()
        assert trio.current_time() == SETTINGS.header_seconds


async def test_a_trickled_head_is_cut(autojump_clock: trio.testing.MockClock) -> None:
    """One byte a second does not extend the deadline."""
    async with door_for(SinkApp(greet)) as door, trio.open_nursery() as nursery:
        caller = call(door, nursery)
        await caller.send_until_cut(b"G", every=1)
        assert 0 <= trio.current_time() - SETTINGS.header_seconds <= 1


async def test_an_idle_connection_ends(autojump_clock: trio.testing.MockClock) -> None:
    """After a response the next request has to begin in time."""
    async with door_for(SinkApp(greet)) as door, trio.open_nursery() as nursery:
        caller = call(door, nursery)
        await caller.send(GET)
        await caller.response()
        assert await caller.ended()
        assert trio.current_time() == SETTINGS.keep_alive_seconds


async def test_a_request_has_a_deadline(autojump_clock: trio.testing.MockClock) -> None:
    """A body that trickles, or an application that hangs, ends after the request's time."""
    cancelled = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await trio.sleep_forever()
        finally:
            cancelled.append(trio.current_time())

    async with door_for(app) as door, trio.open_nursery() as nursery:
        caller = call(door, nursery)
        await caller.send(GET)
        assert await caller.ended()
    assert cancelled == [SETTINGS.request_seconds]


async def test_a_client_that_does_not_read(autojump_clock: trio.testing.MockClock) -> None:
    """A response that nobody takes is given up after the send deadline."""
    async with door_for(SinkApp(greet)) as door, trio.open_nursery() as nursery:
        caller = call(door, nursery, lockstep=True)
        await caller.send(GET)
        await trio.sleep(SETTINGS.http_send_seconds - 1)
        assert door._http
        await trio.sleep(2)
        assert not door._http


async def test_a_client_that_leaves_ends_its_request(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The application hears of the disconnect."""
    heard = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        heard.extend([await receive(), await receive()])

    async with door_for(app) as door, trio.open_nursery() as nursery:
        caller = call(door, nursery)
        await caller.send(GET)
        await caller.stream.aclose()
    assert [event["type"] for event in heard] == ["http.request", "http.disconnect"]


async def test_an_application_that_fails(
    autojump_clock: trio.testing.MockClock, declared_errors: DeclaredErrors
) -> None:
    """500 for its own request, one line in the log, the connection goes on."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/hello":
            raise ExceptionGroup("", [ValueError("broken")])
        await answer(send, b"fine")

    async with door_for(app) as door, trio.open_nursery() as nursery:
        caller = call(door, nursery)
        await caller.send(GET)
        assert (await caller.response())[0] == 500
        declared_errors.expect("application failed")
        other = call(door, nursery)
        await other.send(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await other.response())[::2] == (200, b"fine")
        await caller.stream.aclose()


async def test_an_application_that_ignores_the_body(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Neither side waits for the other: the answer comes, the rest is dropped."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await answer(send, b"no thanks")

    async with door_for(app) as door, trio.open_nursery() as nursery:
        caller = call(door, nursery)
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n"
        await caller.send(head + bytes(400_000))
        assert (await caller.response(method="POST"))[::2] == (200, b"no thanks")
        assert await caller.ended()
        assert trio.current_time() <= SETTINGS.close_seconds


async def test_an_endless_chunked_body_is_cut(autojump_clock: trio.testing.MockClock) -> None:
    """A body without a length is counted as it comes."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    async with door_for(app) as door, trio.open_nursery() as nursery:
        caller = call(door, nursery)
        await caller.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        await caller.send_until_cut(b"4000\r\n" + bytes(0x4000) + b"\r\n", every=0.01)
        assert trio.current_time() < 10


def quart_app() -> QuartTrio:
    """An application as the daemon's is."""
    app = QuartTrio(__name__)

    @app.post("/echo")
    async def echo() -> str:
        return str(await request.get_data(as_text=True))

    @app.websocket("/ws")
    async def fail() -> None:
        raise ValueError("broken")

    return app


async def test_quart(
    autojump_clock: trio.testing.MockClock, declared_errors: DeclaredErrors
) -> None:
    """The real framework: a body, a missing page, odd bytes, a route that fails."""
    async with door_for(quart_app()) as door, trio.open_nursery() as nursery:
        caller = call(door, nursery)
        for data, expected in (
            (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 200),
            (b"GET /%ff%00 HTTP/1.1\r\nHost: x\r\nCookie: \xff=\xfe\r\n\r\n", 404),
            (b"GET // HTTP/1.1\r\nHost: x\r\n\r\n", 404),
            ((UPGRADE + "\r\n").encode(), 500),
        ):
            await caller.send(data)
            assert (await caller.response())[0] == expected
        declared_errors.expect("Exception on websocket /ws")


async def test_a_host_that_is_none(autojump_clock: trio.testing.MockClock) -> None:
    """It is refused before a framework trips over it."""
    async with door_for(quart_app()) as door, trio.open_nursery() as nursery:
        caller = call(door, nursery)

        await caller.send(b"GET / HTTP/1.1\r\nHost: a..b\r\n\r\n")

        assert (await caller.response())[0] == 400
