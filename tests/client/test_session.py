"""A session from the app's side, against a scripted server in memory."""

import json

import pytest
import trio
import trio.testing
from trio_websocket import WebSocketConnection

from relayd.client import (
    DisconnectedError,
    Error,
    RefusedError,
    SessionEnd,
    Transcript,
    open_stream,
)
from tests.client.server import READY, URL, ScriptedServer, drain, end, say, silent


async def until_stop(connection: WebSocketConnection) -> None:
    """Hear audio, answer each frame with an interim, and finish in order on `stop`."""
    while True:
        message = await connection.get_message()
        if isinstance(message, bytes):
            await say(connection, "transcript", text="hel", is_final=False)
        elif json.loads(message)["type"] == "stop":
            await say(connection, "transcript", text="hello", is_final=True, speech_final=True)
            await end(connection)


async def test_whole_session(nursery: trio.Nursery) -> None:
    """Auth goes first, audio goes up, words come down, and the ending has every figure."""
    server = ScriptedServer(nursery, until_stop)
    config = {"language": "en-US"}
    async with open_stream(URL + "/api/", "tok", config, connect=server.connect) as stream:
        assert stream.ready.seconds_remaining == 600.0
        assert await stream.send(b"\0\0")
        assert await stream.stop()
        messages = await drain(stream)
    assert server.path == "/api/ws/transcribe"
    assert json.loads(server.heard[0]) == {"type": "auth", "token": "tok", "config": config}
    assert [type(m) for m in messages] == [Transcript, Transcript, SessionEnd]
    assert stream.ending is not None
    assert (stream.ending.reason, stream.ending.close_code) == ("completed", 1000)
    assert (stream.ending.seconds_used, stream.ending.seconds_remaining) == (1.5, 598.5)
    assert await stream.send(b"\0\0") is False


async def test_the_token_stands_in_no_url_and_no_text(nursery: trio.Nursery) -> None:
    """The access token is in the auth message and nowhere else."""
    server = ScriptedServer(nursery, until_stop)
    async with open_stream(URL, "s3cret", connect=server.connect) as stream:
        assert "s3cret" not in repr(stream)
    assert "s3cret" not in server.path


async def test_large_audio_is_cut_into_frames(nursery: trio.Nursery) -> None:
    """However much is sent at once, no frame is over 64 KiB, and no byte is lost."""
    frames: list[bytes] = []

    async def collect(connection: WebSocketConnection) -> None:
        while isinstance(message := await connection.get_message(), bytes):
            frames.append(message)
        await end(connection)

    server = ScriptedServer(nursery, collect)
    audio = bytes(range(256)) * 600
    async with open_stream(URL, "tok", connect=server.connect) as stream:
        assert await stream.send(audio)
        await stream.stop()
        await drain(stream)
    assert b"".join(frames) == audio
    assert max(map(len, frames)) <= 64 * 1024


@pytest.mark.parametrize(
    ("code", "close_code"),
    [("auth_failed", 4401), ("insufficient_credits", 4402), ("bad_config", 4400)],
)
async def test_refused(nursery: trio.Nursery, code: str, close_code: int) -> None:
    """A fatal error instead of `ready` is a refusal with its code, wording and close code."""

    async def refuse(connection: WebSocketConnection) -> None:
        await say(connection, "error", code=code, message="No.", fatal=True)
        await connection.aclose(close_code)

    server = ScriptedServer(nursery, refuse, greets=False)
    with pytest.raises(RefusedError) as caught:
        async with open_stream(URL, "tok", connect=server.connect):
            pytest.fail("it is not ready")
    refused = caught.value
    assert (refused.code, refused.message, refused.close_code) == (code, "No.", close_code)


async def test_refused_after_auth_says_session_end_too(nursery: trio.Nursery) -> None:
    """The error's code wins over the session_end that follows it."""

    async def refuse(connection: WebSocketConnection) -> None:
        await say(connection, "error", code="too_many_sessions", message="Two.", fatal=True)
        await end(connection, "too_many_sessions", 4429)

    server = ScriptedServer(nursery, refuse, greets=False)
    with pytest.raises(RefusedError) as caught:
        async with open_stream(URL, "tok", connect=server.connect):
            pytest.fail("it is not ready")
    assert (caught.value.code, caught.value.close_code) == ("too_many_sessions", 4429)


async def test_a_fatal_end_is_a_value(nursery: trio.Nursery) -> None:
    """A session that ends for lack of credit raises nothing: error, session_end, ending."""

    async def run_out(connection: WebSocketConnection) -> None:
        await say(connection, "credits_low", seconds_remaining=15)
        await say(connection, "error", code="insufficient_credits", message="Out.", fatal=True)
        await end(connection, "insufficient_credits", 4402)

    server = ScriptedServer(nursery, run_out)
    async with open_stream(URL, "tok", connect=server.connect) as stream:
        messages = await drain(stream)
    assert stream.ending is not None
    assert stream.ending.error == Error("insufficient_credits", "Out.", fatal=True)
    assert (stream.ending.reason, stream.ending.close_code) == ("insufficient_credits", 4402)
    assert isinstance(messages[-1], SessionEnd)


async def test_fatal_error_without_session_end(nursery: trio.Nursery) -> None:
    """Where only the error and the close came, they are the ending."""

    async def fail(connection: WebSocketConnection) -> None:
        await say(connection, "error", code="internal_error", message="Oh.", fatal=True)
        await connection.aclose(1011)

    server = ScriptedServer(nursery, fail)
    async with open_stream(URL, "tok", connect=server.connect) as stream:
        await drain(stream)
    assert stream.ending is not None
    assert (stream.ending.reason, stream.ending.close_code) == ("internal_error", 1011)
    assert stream.ending.seconds_used is None


async def test_lost_connection(nursery: trio.Nursery) -> None:
    """A connection cut in the middle is an error for the reader, and False for the sender."""

    async def cut(connection: WebSocketConnection) -> None:
        await say(connection, "transcript", text="so far", is_final=True)
        assert server.stream is not None
        await trio.aclose_forcefully(server.stream)

    server = ScriptedServer(nursery, cut)
    async with open_stream(URL, "tok", connect=server.connect) as stream:
        first = await anext(stream)
        assert isinstance(first, Transcript)
        with pytest.raises(DisconnectedError) as caught:
            await drain(stream)
        assert caught.value.close_code == 1006
        assert await stream.send(b"\0\0") is False
    assert stream.ending is None


async def test_unknown_messages_are_skipped(nursery: trio.Nursery) -> None:
    """What a later server may say does not disturb an older client."""

    async def say_news(connection: WebSocketConnection) -> None:
        await say(connection, "novelty", value=1)
        await connection.send_message("not json")
        await connection.send_message(b"\1\2")
        await end(connection)

    server = ScriptedServer(nursery, say_news)
    async with open_stream(URL, "tok", connect=server.connect) as stream:
        assert [type(m) for m in await drain(stream)] == [SessionEnd]


async def test_messages_before_ready_are_kept(nursery: trio.Nursery) -> None:
    """What comes between auth and `ready` is not lost."""

    async def early(connection: WebSocketConnection) -> None:
        await say(connection, "credits_low", seconds_remaining=60)
        await connection.send_message(json.dumps(READY))
        await end(connection)

    server = ScriptedServer(nursery, early, greets=False)
    async with open_stream(URL, "tok", connect=server.connect) as stream:
        assert len(await drain(stream)) == 2


class AppError(Exception):
    """The app's own."""


async def test_the_apps_error_comes_out_as_it_is(nursery: trio.Nursery) -> None:
    """An exception of the block is not wrapped in a group, and the server is let go."""
    server = ScriptedServer(nursery, silent)
    with pytest.raises(AppError) as caught:
        async with open_stream(URL, "tok", connect=server.connect):
            raise AppError from KeyError("cause")
    assert isinstance(caught.value.__cause__, KeyError)
    nursery.cancel_scope.cancel()


async def test_reading_is_cancel_safe(nursery: trio.Nursery) -> None:
    """A read that was cancelled loses no message."""
    gate = trio.Event()

    async def wait(connection: WebSocketConnection) -> None:
        await gate.wait()
        await end(connection)

    server = ScriptedServer(nursery, wait)
    async with open_stream(URL, "tok", connect=server.connect) as stream:
        with trio.CancelScope() as scope:
            scope.cancel()
            await anext(stream)
        gate.set()
        assert len(await drain(stream)) == 1
