"""The route itself: who may open a stream, and the same session under another ASGI server."""

import json
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock

from tests.session.audio import frame
from tests.whole.stack import ORIGIN, Stack, open_stack


@attrs.define(eq=False)
class PlainServer:
    """What any ASGI server does for one WebSocket, without our edge's extension."""

    stack: Stack
    headers: list[tuple[bytes, bytes]]
    query: bytes = b""
    said: list[dict[str, Any]] = attrs.field(factory=list)
    _queue: Any = attrs.field(init=False)
    _events: Any = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._queue, self._events = trio.open_memory_channel[dict[str, Any]](1000)
        self._queue.send_nowait({"type": "websocket.connect"})

    def hear(self, *, text: str | None = None, data: bytes | None = None) -> None:
        """One message of the client."""
        self._queue.send_nowait({"type": "websocket.receive", "text": text, "bytes": data})

    async def run(self) -> None:
        """Call the application until it ends."""
        scope: Any = {
            "type": "websocket",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "wss",
            "path": "/ws/transcribe",
            "raw_path": b"/ws/transcribe",
            "query_string": self.query,
            "root_path": "",
            "headers": [(b"host", b"relay.example"), *self.headers],
            "client": ("192.0.2.1", 1),
            "server": ("192.0.2.2", 443),
            "subprotocols": [],
            "extensions": {"websocket.http.response": {}},
        }
        await self.stack.app(scope, self._events.receive, self._send)

    async def _send(self, event: Any) -> None:
        await trio.lowlevel.checkpoint()
        self.said.append(dict(event))


async def test_foreign_page_is_refused(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A page that the operator did not name is told how it could be, and the operator of it."""
    caplog.set_level("INFO")
    async with open_stack() as stack:
        server = PlainServer(stack, [(b"origin", b"https://evil.example")])

        await server.run()

        assert server.said[0]["status"] == 403
        error = json.loads(server.said[1]["body"])["error"]
        assert error["code"] == "origin_not_allowed"
        assert "server.origins" in error["message"]
    (line,) = [one for one in caplog.records if one.getMessage() == "origin refused"]
    assert line.__dict__["facts"] == {"origin": "https://evil.example", "address": "192.0.2.1"}


async def test_a_long_origin_is_cut_in_the_log(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """What a client makes up takes no more than a line."""
    caplog.set_level("INFO")
    async with open_stack() as stack:
        await PlainServer(stack, [(b"origin", b"x" * 8000)]).run()
    (line,) = [one for one in caplog.records if one.getMessage() == "origin refused"]
    assert line.__dict__["facts"]["origin"] == "x" * 100


async def test_a_request_without_an_upgrade() -> None:
    """Who asks for the stream as if it were a page is told what it is, and how to open it."""
    async with open_stack() as stack:
        response = await stack.app.test_client().get("/ws/transcribe")
    assert response.status_code == 426
    assert response.headers["Upgrade"] == "websocket"
    error = (await response.get_json())["error"]
    assert error["code"] == "upgrade_required"
    assert "WebSocket client" in error["message"]
    assert "proxy" in error["message"]


@pytest.mark.parametrize("headers", [[], [(b"origin", ORIGIN.encode())]])
async def test_same_session_over_plain_asgi(
    headers: list[tuple[bytes, bytes]], autojump_clock: MockClock
) -> None:
    """Apps without an Origin and pages on the list are served, on any ASGI server."""
    async with open_stack() as stack:
        server = PlainServer(stack, headers)
        server.hear(text=json.dumps({"type": "auth", "token": stack.token}))
        server.hear(data=b"")
        for _ in range(20):
            server.hear(data=frame(100))
        server.hear(text='{"type":"stop"}')

        await server.run()

        assert server.said[0]["type"] == "websocket.accept"
        heard = [json.loads(event["text"]) for event in server.said[1:-1]]
        assert heard[0]["type"] == "ready"
        assert heard[-1] == {
            "type": "session_end",
            "seconds_used": 2.0,
            "reason": "completed",
            "seconds_remaining": 598.0,
        }
        assert server.said[-1]["type"] == "websocket.close"
        assert server.said[-1]["code"] == 1000
        await stack.settled()


async def test_an_upgrade_that_says_who_it_is(autojump_clock: MockClock) -> None:
    """With a token in its header and the configuration in its address it begins at once."""
    async with open_stack() as stack:
        header = (b"authorization", f"Bearer {stack.token}".encode())
        server = PlainServer(stack, [header], b"language=en-US&keywords=one&keywords=two")
        server.hear(data=frame(100))
        server.hear(text=json.dumps({"type": "stop"}))

        await server.run()

        said = [json.loads(one["text"]) for one in server.said if one.get("text")]
        assert said[0]["type"] == "ready"
        assert said[-1]["reason"] == "completed"
        await stack.settled()


async def test_an_upgrade_with_a_wrong_token_is_refused(autojump_clock: MockClock) -> None:
    """Before it is accepted, so that no client takes it for a stream."""
    async with open_stack() as stack:
        server = PlainServer(stack, [(b"authorization", b"Bearer nonsense")])

        await server.run()

        assert server.said[0]["status"] == 401
        assert json.loads(server.said[1]["body"])["error"]["code"] == "auth_failed"


async def test_it_begins_at_once_on_our_own_edge_too(autojump_clock: MockClock) -> None:
    """Who said with the upgrade who it is need say nothing more to be ready."""
    async with open_stack() as stack:
        connection = stack.connect()
        head = (
            "GET /ws/transcribe?language=en-US HTTP/1.1\r\nHost: relay.example\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {'A' * 22}==\r\nAuthorization: Bearer {stack.token}\r\n\r\n"
        )
        await connection.send_all(head.encode())
        heard = b""
        while b'"ready"' not in heard:
            received = await connection.receive_some()
            assert received, heard
            heard += received
        assert heard.startswith(b"HTTP/1.1 101")
        await connection.aclose()
        await stack.settled()
