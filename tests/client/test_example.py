"""The example in the package's docstring works as printed."""

import json
import textwrap
from typing import Any

import pytest
import trio
from trio_websocket import WebSocketConnection

from relayd import client
from tests.client.server import URL, ScriptedServer, end, say


async def test_docstring_example(
    nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Copied out of the docstring, it dictates to a scripted server."""
    assert client.__doc__ is not None
    source = textwrap.dedent("    import trio" + client.__doc__.partition("    import trio")[2])
    example: dict[str, Any] = {}
    exec(compile(source, "example", "exec"), example)  # noqa: S102 (our own docstring)

    async def transcribe(connection: WebSocketConnection) -> None:
        heard = b""
        while isinstance(message := await connection.get_message(), bytes):
            heard += message
        assert json.loads(message) == {"type": "stop"}
        await say(connection, "transcript", text=heard.decode(), is_final=True)
        await end(connection)

    server = ScriptedServer(nursery, transcribe)
    open_stream = client.open_stream
    monkeypatch.setattr(
        client, "open_stream", lambda *args: open_stream(*args, connect=server.connect)
    )
    assert await example["dictate"](URL, "tok", [b"ab", b"cd"]) == ["abcd"]
    assert capsys.readouterr().out == "completed 1.5\n"
