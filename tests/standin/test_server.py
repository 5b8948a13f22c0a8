"""The stand-in as a server: what it records, and how it behaves at the edges."""

import contextlib
import json
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock
from trio_websocket import (
    ConnectionClosed,
    WebSocketConnection,
    wrap_client_stream,
)

from tests.standin import Fault, Script, StandIn

TARGET = "/v1/listen?model=nova-3&encoding=linear16&sample_rate=16000"
HEADERS = [(b"Authorization", b"Token standin-key")]
SECOND = b"\1\0" * 16_000


async def read_all(connection: WebSocketConnection) -> tuple[list[str], int | None]:
    """Every message to the end, and the close code."""
    messages: list[str] = []
    with contextlib.suppress(ConnectionClosed):
        while True:
            messages.append(str(await connection.get_message()))
    return messages, connection.closed.code if connection.closed else None


async def talk(stream: trio.abc.Stream, *sent: str | bytes) -> tuple[list[str], int | None]:
    """Send these over an open transport and read to the end."""
    # trio-websocket leaves a transport open whose far end closed first.
    async with stream, trio.open_nursery() as nursery:
        connection = await wrap_client_stream(
            nursery,
            stream,  # type: ignore[arg-type]  # any stream will do, whatever its annotation
            "standin",
            TARGET,
            extra_headers=HEADERS,
        )
        for message in sent:
            await connection.send_message(message)
        found = await read_all(connection)
        nursery.cancel_scope.cancel()
    return found


async def converse(script: Script, *sent: str | bytes) -> tuple[list[str], int | None, float]:
    """Send these and read to the end: the messages, the close code, the time."""
    stand_in = StandIn(scripts=[script])
    async with trio.open_nursery() as nursery:
        messages, code = await talk(await stand_in.connector(nursery)(), *sent)
        ended_at = trio.current_time()
        nursery.cancel_scope.cancel()
    return messages, code, ended_at


async def test_nothing_is_said_before_audio_comes(autojump_clock: MockClock) -> None:
    """After the 101 there is silence, and ten seconds of it end the stream."""
    (metadata,), code, ended_at = await converse(Script())
    assert json.loads(metadata)["duration"] == 0.0
    assert code == 1011
    assert ended_at == pytest.approx(10.025)


async def test_an_empty_binary_frame_is_the_old_end(autojump_clock: MockClock) -> None:
    """The rest, the metadata, 1000."""
    messages, code, _ = await converse(Script(), SECOND[:3200], b"")
    assert [json.loads(message)["type"] for message in messages] == ["Results", "Metadata"]
    assert code == 1000


@pytest.mark.parametrize(
    "text", ["", "no JSON", "[]", "{}", '{"type":"KeepAlive "}', '{"type":"Finalize","x":1}']
)
async def test_a_bad_text_is_an_error_and_no_end(autojump_clock: MockClock, text: str) -> None:
    """SchemaError echoes it, and the stream stays open."""
    messages, code, _ = await converse(Script(), text, '{"type":"CloseStream"}')
    error, metadata = map(json.loads, messages)
    assert (error["type"], error["variant"], error["message"]) == ("Error", "SchemaError", text)
    assert metadata["type"] == "Metadata"
    assert code == 1000


async def test_configure_is_answered(autojump_clock: MockClock) -> None:
    """By ConfigureSuccess."""
    messages, _, _ = await converse(
        Script(), '{"type":"Configure","keyterms":[]}', '{"type":"CloseStream"}'
    )
    assert json.loads(messages[0])["type"] == "ConfigureSuccess"


async def test_scripts_are_used_in_turn(autojump_clock: MockClock) -> None:
    """The last one serves all further connections."""
    stand_in = StandIn(scripts=[Script(refuse=429), Script(refuse=503)])
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            stream = await stand_in.connector(nursery)()
            request = f"GET {TARGET} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            request += "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            request += "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            await stream.send_all(request.encode())
            await stand_in.records[-1].ended.wait()
    assert [record.status for record in stand_in.records] == [429, 503, 503]


async def test_a_script_can_be_read_from_json() -> None:
    """As the command's --script takes it."""
    assert Script.from_json({"fault": "close", "words": ["a"], "after_ms": 5}) == Script(
        fault=Fault.CLOSE, words=("a",), after_ms=5
    )


@pytest.mark.system
async def test_the_command_serves_and_reports() -> None:
    """It prints its address, counts what came, reports each connection, and ends on SIGTERM."""
    command = [sys.executable, "-m", "tests.standin.deepgram", "--report"]
    run = partial(trio.run_process, command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    async with trio.open_nursery() as nursery:
        with trio.fail_after(20):
            process: trio.Process = await nursery.start(run)
            assert process.stdout is not None
            line = (await process.stdout.receive_some()).decode()
            stream = await trio.open_tcp_stream("127.0.0.1", int(line.rpartition(":")[2]))
            _, code = await talk(stream, SECOND, '{"type":"CloseStream"}')
            report = json.loads(await process.stdout.receive_some())
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
            await process.stdout.aclose()
    assert report["audio_bytes"] == len(SECOND)
    assert report["close_code"] == code == 1000
