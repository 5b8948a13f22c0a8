"""One application call for a WebSocket: plain ASGI, the take-over, and what its failures become."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing
from wsproto.events import BytesMessage, TextMessage

from tests.conftest import DeclaredErrors
from tests.edge.caller import SETTINGS, UPGRADE, Caller, call, frame, opened_door


@asynccontextmanager
async def opened(app: Any) -> AsyncIterator[Caller]:
    """A door for one application, with one caller."""
    async with (
        opened_door(app, SETTINGS) as door,
        trio.open_nursery() as nursery,
    ):
        yield call(door, nursery)


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """A plain ASGI application."""
    assert (await receive()) == {"type": "websocket.connect"}
    await send({"type": "websocket.accept", "headers": [(b"x-served-by", b"echo")]})
    while (event := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "bytes": event["bytes"], "text": event["text"]})
    assert event["code"] == 1001


async def test_plain_asgi(autojump_clock: trio.testing.MockClock) -> None:
    """A route that knows nothing of the extension works, empty frames included."""
    async with opened(echo) as caller:
        headers = await caller.open()
        assert headers["x-served-by"] == "echo"
        await caller.send(frame(1, b"hey") + frame(2) + frame(2, b"\1"))
        assert await caller.event() == TextMessage(data="hey")
        assert await caller.event() == BytesMessage(data=bytearray())
        assert await caller.event() == BytesMessage(data=bytearray(b"\1"))
        await caller.send(frame(8, b"\x03\xe9"))
        assert await caller.close_code() == 1001


async def test_frames_sent_before_the_101_are_kept(autojump_clock: trio.testing.MockClock) -> None:
    """They are early, not wrong, and nothing of them is lost."""
    async with opened(echo) as caller:
        await caller.open(early=frame(1, b"early"))
        assert await caller.event() == TextMessage(data="early")
        await caller.send(frame(8, b"\x03\xe9"))


async def test_the_scope(autojump_clock: trio.testing.MockClock) -> None:
    """The scope says what the request said."""
    seen: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope)
        await send({"type": "websocket.accept", "subprotocol": "b"})
        await send({"type": "websocket.close", "code": 4000, "reason": "bye"})

    async with opened(app) as caller:
        await caller.send(
            UPGRADE.replace("/ws", "/a%20b?q=1").encode()
            + b"Sec-WebSocket-Protocol: a, b\r\nX-Odd: \xff\r\n\r\n"
        )
        status, headers, _ = await caller.response()
        assert (status, headers["sec-websocket-protocol"]) == (101, "b")
        assert await caller.close_code() == 4000
    assert (seen["type"], seen["scheme"], seen["path"]) == ("websocket", "ws", "/a b")
    assert (seen["raw_path"], seen["query_string"]) == (b"/a%20b", b"q=1")
    assert (seen["client"], seen["subprotocols"]) == (("203.0.113.9", 4711), ["a", "b"])
    assert (b"x-odd", b"\xff") in seen["headers"]


async def test_close_before_accept_is_403(autojump_clock: trio.testing.MockClock) -> None:
    """A route may refuse before it accepts."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        assert (await receive())["type"] == "websocket.disconnect"

    async with opened(app) as caller:
        await caller.send((UPGRADE + "\r\n").encode())
        assert (await caller.response())[0] == 403
        assert await caller.ended()


async def test_an_http_response_instead(autojump_clock: trio.testing.MockClock) -> None:
    """A route may answer with any HTTP response, headers and body."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"retry-after", b"5"), (b"content-length", b"5"), (b"connection", b"x")]
        kind = "websocket.http.response"
        await send({"type": f"{kind}.start", "status": 429, "headers": headers})
        await send({"type": f"{kind}.body", "body": b"slow", "more_body": True})
        await send({"type": f"{kind}.body", "body": b"!", "more_body": False})

    async with opened(app) as caller:
        await caller.send((UPGRADE + "\r\n").encode())
        status, headers, body = await caller.response()
        assert (status, headers["retry-after"], body) == (429, "5", b"slow!")
        assert headers["connection"] == "close"


@pytest.mark.parametrize("take", [False, True])
async def test_an_exception_after_accept_is_1011(
    autojump_clock: trio.testing.MockClock, declared_errors: DeclaredErrors, take: bool
) -> None:
    """Never 1000, and logged exactly once."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if take:
            scope["extensions"]["relayd.connection"].take()
        await send({"type": "websocket.accept"})
        raise ValueError("broken")

    async with opened(app) as caller:
        await caller.open()
        assert await caller.close_code() == 1011
        declared_errors.expect("application failed")


async def test_an_exception_before_accept_is_500(
    autojump_clock: trio.testing.MockClock, declared_errors: DeclaredErrors
) -> None:
    """Also when it comes as a group."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise ExceptionGroup("", [ValueError("broken")])

    async with opened(app) as caller:
        await caller.send((UPGRADE + "\r\n").encode())
        assert (await caller.response())[0] == 500
        declared_errors.expect("application failed")


async def test_returning_closes_normally(autojump_clock: trio.testing.MockClock) -> None:
    """A plain application that just returns means 1000."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})

    async with opened(app) as caller:
        await caller.open()
        assert await caller.close_code() == 1000


@pytest.mark.parametrize("explicit", [False, True])
async def test_a_taken_connection_left_open_is_1011(
    autojump_clock: trio.testing.MockClock, explicit: bool
) -> None:
    """Whoever took it closes it; a framework's automatic 1000 does not pass for that."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["extensions"]["relayd.connection"].take()
        await send({"type": "websocket.accept"})
        if explicit:
            await send({"type": "websocket.close", "code": 1000})

    async with opened(app) as caller:
        await caller.open()
        assert await caller.close_code() == 1011


async def test_a_peer_that_leaves_before_the_accept(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The application's accept does not raise; it learns of it when it receives."""
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await trio.sleep(1)
        await send({"type": "websocket.accept"})
        seen.append((await receive())["type"])

    async with opened(app) as caller:
        await caller.send((UPGRADE + "\r\n").encode())
        await caller.stream.aclose()
        await trio.sleep(2)
    assert seen == ["websocket.disconnect"]


async def test_an_application_that_never_answers(autojump_clock: trio.testing.MockClock) -> None:
    """It is cancelled after the request's deadline."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await trio.sleep_forever()

    async with opened(app) as caller:
        await caller.send((UPGRADE + "\r\n").encode())
        assert (await caller.response())[0] == 500
        assert trio.current_time() == SETTINGS.request_seconds


async def test_an_application_that_outlives_its_peer(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Without a take-over it gets ten seconds to notice, then it is cancelled."""
    ended = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        await receive()
        await receive()
        try:
            await trio.sleep_forever()
        finally:
            ended.append(trio.current_time())

    async with opened(app) as caller:
        await caller.open()
        await caller.stream.aclose()
        await trio.sleep(20)
    assert ended == [SETTINGS.abandon_seconds]


@pytest.mark.parametrize(
    ("request_head", "status", "code"),
    [
        (UPGRADE.replace("Version: 13", "Version: 8"), 426, "upgrade_required"),
        (UPGRADE.replace("GET", "POST", 1), 405, "method_not_allowed"),
        (UPGRADE.replace("Connection: Upgrade", "Connection: close"), 400, "bad_handshake"),
        (UPGRADE.replace("Sec-WebSocket-Key", "Sec-WebSocket-Clef"), 400, "bad_handshake"),
    ],
)
async def test_improper_upgrades_are_refused_in_json(
    autojump_clock: trio.testing.MockClock, request_head: str, status: int, code: str
) -> None:
    """Before any application is asked, in the form of every other refusal."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("no application is needed")

    async with opened(app) as caller:
        await caller.send((request_head + "\r\n").encode())
        answered, headers, body = await caller.response()
        assert answered == status
        assert headers["content-type"] == "application/json"
        error = json.loads(body)["error"]
        assert error["code"] == code
        assert error["message"][0].isupper()
        assert error["message"].endswith(".")
