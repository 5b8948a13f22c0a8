"""`relayd transcribe`: its command line, and a real process that is interrupted."""

import argparse
import json
import os
import signal
import subprocess
import sys
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest, serve_websocket

from relayd.cli import transcribe
from relayd.cli.toolkit import account_options
from relayd.client.messages import STOP
from tests.client.server import READY, end, say


def parsed(*arguments: str) -> argparse.Namespace:
    """The command line of `relayd transcribe`."""
    parser = argparse.ArgumentParser()
    transcribe.add(parser.add_subparsers())
    return parser.parse_args(["transcribe", *arguments])


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "give a FILE"),
        (["a.mp3", "--microphone"], "give a FILE"),
        (["a.mp3"], "sign in"),
        (["a.mp3", "--email", "e", "--token-file", "f"], "two ways"),
        (["a.mp3", "--password-stdin", "--token-file", "f"], "goes with --email"),
        (["-", "--email", "e", "--password-stdin"], "both the password and the audio"),
        (["a.mp3", "--token-file", "/nowhere/token"], "can't read a token"),
        (["a.mp3", "--speed", "100", "--email", "e"], "from 0.1 to 4"),
        (["a.mp3", "--speed", "nan", "--email", "e"], "from 0.1 to 4"),
        (["a.mp3", "--server", "ftp://x", "--email", "e"], "not one of http"),
        (["a.mp3", "--server", "http://x/?token=t", "--email", "e"], "no secrets"),
        (["a.mp3", "--option", "smart_format", "--email", "e"], "KEY=VALUE"),
    ],
)
def test_usage_errors(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    problem: str,
) -> None:
    """Wrong usage ends with 2 and a line that says what would be right, before any I/O."""
    monkeypatch.delenv("RELAYD_TOKEN", raising=False)

    def run() -> None:
        options = parsed(*arguments)
        options.run(options)

    with pytest.raises(SystemExit) as caught:
        run()
    assert caught.value.code == 2
    assert problem in capsys.readouterr().err


def test_options_become_the_session_config() -> None:
    """Options go to the server as JSON where they are some, as text otherwise."""
    options = parsed(
        "a.mp3", "--language", "de", "--option", "smart_format=true", "--option", "keyterm=Köln"
    )
    assert transcribe._config(options) == {
        "encoding": "linear16",
        "sample_rate": 16_000,
        "channels": 1,
        "interim_results": True,
        "language": "de",
        "smart_format": True,
        "keyterm": "Köln",
    }


async def test_the_token_comes_from_a_file_or_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """There is no option that takes a token or a password."""
    file = tmp_path / "token"
    file.write_text("from-file\n")
    assert (
        await account_options.signing_in(parsed("a.mp3", "--token-file", str(file)))()
        == "from-file"
    )
    monkeypatch.setenv("RELAYD_TOKEN", "from-env")
    assert await account_options.signing_in(parsed("a.mp3"))() == "from-env"
    with pytest.raises(SystemExit):
        parsed("a.mp3", "--token", "x")


@asynccontextmanager
async def scripted_server(spoken: trio.Event) -> AsyncIterator[str]:
    """A server on loopback that says `hello` to audio and `bye` to `stop`."""
    whole = {"is_final": True, "speech_final": True}

    async def handle(request: WebSocketRequest) -> None:
        connection: WebSocketConnection = await request.accept()
        await connection.get_message()
        await connection.send_message(json.dumps(READY))
        try:
            while (message := await connection.get_message()) != STOP:
                if message and not spoken.is_set():
                    await say(connection, "transcript", text="hello", **whole)
                    spoken.set()
        except ConnectionClosed:
            return
        await say(connection, "transcript", text="bye", **whole)
        await end(connection)

    async with trio.open_nursery() as nursery:
        server = await nursery.start(
            partial(serve_websocket, handle, "127.0.0.1", 0, ssl_context=None)
        )
        yield f"http://127.0.0.1:{server.port}"
        nursery.cancel_scope.cancel()


async def started(server: str, file: Path, *, stderr: int) -> trio.Process:
    """A real `relayd transcribe`, in a session of its own."""
    program = (
        "import argparse, sys; from relayd.cli import transcribe; "
        "parser = argparse.ArgumentParser(); transcribe.add(parser.add_subparsers()); "
        "options = parser.parse_args(); sys.exit(options.run(options))"
    )
    return await trio.lowlevel.open_process(
        [sys.executable, "-c", program, "transcribe", str(file), "--server", server],
        env={**os.environ, "RELAYD_TOKEN": "tok"},
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=stderr,
    )


@pytest.fixture
def minute(tmp_path: Path) -> Path:
    """A minute of silence."""
    path = tmp_path / "minute.wav"
    with wave.open(str(path), "wb") as audio:
        audio.setparams((1, 2, 16_000, 0, "NONE", ""))
        audio.writeframes(bytes(32_000 * 60))
    return path


@pytest.mark.system
async def test_ctrl_c_prints_the_last_words(minute: Path) -> None:
    """SIGINT in the middle of a recording: the server hears `stop`, its last words are printed."""
    spoken = trio.Event()
    with trio.fail_after(30):
        async with scripted_server(spoken) as server:
            process = await started(server, minute, stderr=subprocess.DEVNULL)
            assert process.stdout is not None
            await spoken.wait()
            process.send_signal(signal.SIGINT)
            printed = b"".join([piece async for piece in process.stdout])
            assert await process.wait() == 130
    assert printed.decode().split() == ["hello", "bye"]


@pytest.mark.system
async def test_a_reader_that_leaves(minute: Path) -> None:
    """A closed pipe behind the words ends the run with one plain error, which the program knows."""
    spoken = trio.Event()
    with trio.fail_after(30):
        async with scripted_server(spoken) as server:
            process = await started(server, minute, stderr=subprocess.PIPE)
            assert process.stdout is not None
            assert process.stderr is not None
            await process.stdout.aclose()
            complaint = b"".join([piece async for piece in process.stderr])
            await process.wait()
    assert complaint.rstrip().endswith(b"BrokenPipeError")
    assert b"ExceptionGroup" not in complaint
