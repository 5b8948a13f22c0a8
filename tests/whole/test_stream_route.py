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
            "query_string": b"",
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


async def test_foreign_page_is_refused(autojump_clock: MockClock) -> None:
    """A page that the operator did not name can't open a stream, and is told how it could."""
    async with open_stack() as stack:
        server = PlainServer(stack, [(b"origin", b"https://evil.example")])

        await server.run()

        assert server.said[0]["status"] == 403
        error = json.loads(server.said[1]["body"])["error"]
        assert error["code"] == "origin_not_allowed"
        assert "server.origins" in error["message"]


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
