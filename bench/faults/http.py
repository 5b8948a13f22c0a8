"""One HTTP request over a connection of its own."""

import json
from typing import Any

import trio

__all__ = ["request"]

_SECONDS = 60


async def request(
    port: int, method: str, path: str, content: dict[str, Any] | None = None
) -> tuple[int, dict[str, Any]]:
    """The status and the JSON of the answer."""
    body = b"" if content is None else json.dumps(content).encode()
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    answer = b""
    with trio.fail_after(_SECONDS):
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(head.encode() + body)
            async for data in stream:
                answer += data
    top, _, rest = answer.partition(b"\r\n\r\n")
    start = rest.find(b"{")
    # Chunked or not, the object is what lies between the outermost braces.
    found = json.loads(rest[start : rest.rfind(b"}") + 1]) if start >= 0 else {}
    return int(top.split(b" ", 2)[1]), found
