"""One HTTP request over a connection of its own."""

import json
from typing import Any

import attrs
import trio

__all__ = ["Answer", "ask", "request"]

_SECONDS = 60


@attrs.frozen
class Answer:
    """What came back. ``head`` is without its status line's version and without the date."""

    status: int
    head: tuple[str, ...]
    body: bytes
    seconds: float

    @property
    def content(self) -> dict[str, Any]:
        """Its JSON object. Chunked or not, it is what lies between the outermost braces."""
        start = self.body.find(b"{")
        if start < 0:
            return {}
        found: dict[str, Any] = json.loads(self.body[start : self.body.rfind(b"}") + 1])
        return found


async def request(
    port: int,
    method: str,
    path: str,
    content: dict[str, Any] | None = None,
    *,
    source: str | None = None,
) -> tuple[int, dict[str, Any]]:
    """The status and the JSON of the answer; ``source``: the loopback address that asks."""
    answer = await ask(port, method, path, content, source=source)
    return answer.status, answer.content


async def ask(
    port: int,
    method: str,
    path: str,
    content: dict[str, Any] | None = None,
    headers: str = "",
    *,
    source: str | None = None,
) -> Answer:
    """The whole answer, and how long it took from the request's first byte on.

    ``source``: the loopback address that asks.
    """
    body = b"" if content is None else json.dumps(content).encode()
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{headers}"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    received = b""
    with trio.fail_after(_SECONDS):
        async with await trio.open_tcp_stream("127.0.0.1", port, local_address=source) as stream:
            begun = trio.current_time()
            await stream.send_all(head.encode() + body)
            async for data in stream:
                received += data
            seconds = trio.current_time() - begun
    top, _, rest = received.partition(b"\r\n\r\n")
    status, *lines = top.decode("latin-1").split("\r\n")
    kept = tuple(sorted(line for line in lines if not line.lower().startswith("date:")))
    return Answer(int(status.split(" ", 2)[1]), kept, rest, seconds)
