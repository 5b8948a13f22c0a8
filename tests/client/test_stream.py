"""A session from the app's side, against a scripted server in memory."""

import json
from typing import Any

import pytest
import trio
import trio.testing
from trio_websocket import WebSocketConnection

from relayd.client import (
    ConnectError,
    Deadlines,
    DisconnectedError,
    Error,
    Message,
    RefusedError,
    SessionEnd,
    Stream,
    Transcript,
    open_stream,
)
from tests.client.server import READY, URL, ScriptedServer, end, say


async def until_stop(connection: WebSocketConnection) -> None:
    """Hear audio, answer each frame with an interim, and finish in order on `stop`."""
    while True:
        message = await connection.get_message()
        if isinstance(message, bytes):
            await say(connection, "transcript", text="hel", is_final=False)
        elif json.loads(message)["type"] == "stop":
            await say(connection, "transcript", text="hello", is_final=True, speech_final=True)
            await end(connection)


async def silent(connection: WebSocketConnection) -> None:
    """Say nothing after `ready`."""
    await trio.sleep_forever()


async def drain(stream: Stream) -> list[Message]:
    """Everything up to the end."""
    return [message async for message in stream]


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


async def test_no_answer_to_the_handshake(autojump_clock: trio.testing.MockClock) -> None:
    """A peer that accepts and says nothing is given up after `connect_seconds`."""
    ends: list[Any] = []

    async def mute(address: Any) -> trio.abc.Stream:
        ours, theirs = trio.testing.memory_stream_pair()
        ends.append(ours)
        return theirs

    with pytest.raises(ConnectError, match="within 10 s"):
        async with open_stream(URL, "tok", connect=mute):
            pytest.fail("not open")
    assert trio.current_time() == pytest.approx(10, abs=0.001)


async def test_hang_up_in_the_handshake(autojump_clock: trio.testing.MockClock) -> None:
    """A peer that hangs up is noticed at once, not at the deadline."""

    async def shut(address: Any) -> trio.abc.Stream:
        ours, theirs = trio.testing.memory_stream_pair()
        await ours.aclose()
        return theirs

    with pytest.raises(ConnectError, match="closed during"):
        async with open_stream(URL, "tok", connect=shut):
            pytest.fail("not open")
    assert trio.current_time() == 0


async def test_something_else_answers(nursery: trio.Nursery) -> None:
    """A web server that is no relayd is named with its status."""

    async def not_found(address: Any) -> trio.abc.Stream:
        ours, theirs = trio.testing.memory_stream_pair()
        await ours.send_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope")
        return theirs

    with pytest.raises(ConnectError, match="status 404"):
        async with open_stream(URL, "tok", connect=not_found):
            pytest.fail("not open")


async def test_nobody_listens() -> None:
    """A refused connection is a `ConnectError` in plain words."""

    async def refuse(address: Any) -> trio.abc.Stream:
        raise ConnectionRefusedError(111, "Connection refused")

    with pytest.raises(ConnectError, match="Connection refused"):
        async with open_stream(URL, "tok", connect=refuse):
            pytest.fail("not open")


async def test_never_ready(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    """`ready` has a deadline."""
    server = ScriptedServer(nursery, silent, greets=False)
    with pytest.raises(DisconnectedError, match="not ready within 30 s"):
        async with open_stream(URL, "tok", connect=server.connect):
            pytest.fail("not ready")
    nursery.cancel_scope.cancel()


async def test_the_end_has_a_deadline(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    """A server that ignores `stop` is left after `finish_seconds`."""
    server = ScriptedServer(nursery, silent)
    async with open_stream(
        URL, "tok", deadlines=Deadlines(finish_seconds=12), connect=server.connect
    ) as stream:
        await stream.stop()
        with pytest.raises(DisconnectedError, match="did not end within 12 s"):
            await drain(stream)
        assert trio.current_time() == pytest.approx(12, abs=0.001)
    nursery.cancel_scope.cancel()


async def test_a_dead_server_is_noticed(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    """A server that answers no ping is given up: 15 s of silence, then 15 s for the pong."""
    deaf = trio.Event()

    async def play_dead(connection: WebSocketConnection) -> None:
        # Its reader stops here: the queue of one message is full, no ping is answered.
        deaf.set()
        await trio.sleep_forever()

    server = ScriptedServer(nursery, play_dead)
    async with open_stream(URL, "tok", connect=server.connect) as stream:
        await deaf.wait()
        assert await stream.send(b"1")
        assert await stream.send(b"2")
        with pytest.raises(DisconnectedError, match="does not answer"):
            await drain(stream)
        assert trio.current_time() == pytest.approx(30, abs=0.001)
    nursery.cancel_scope.cancel()


async def test_a_quiet_server_lives(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    """Silence alone ends nothing as long as pings are answered."""

    async def pause(connection: WebSocketConnection) -> None:
        await trio.sleep(290)
        await end(connection)

    server = ScriptedServer(nursery, pause)
    async with open_stream(URL, "tok", connect=server.connect) as stream:
        assert len(await drain(stream)) == 1
        assert trio.current_time() == pytest.approx(290, abs=0.01)


async def test_a_stalled_send_is_cut(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    """A server that takes no data costs the sender `send_seconds`, and the reader hears why."""

    async def stall(address: Any) -> trio.abc.Stream:
        stream = await server.connect(address)
        assert isinstance(stream, trio.StapledStream)
        sending = stream.send_stream
        assert isinstance(sending, trio.testing.MemorySendStream)

        deliver = sending.send_all_hook
        assert deliver is not None

        async def block() -> None:
            if stalled:
                await trio.sleep_forever()
            await deliver()

        sending.send_all_hook = block
        return stream

    stalled: list[bool] = []
    server = ScriptedServer(nursery, silent)
    async with open_stream(URL, "tok", connect=stall) as stream:
        stalled.append(True)
        assert await stream.send(b"\0\0") is False
        assert trio.current_time() == pytest.approx(10, abs=0.001)
        with pytest.raises(DisconnectedError, match="took no data for 10 s"):
            await drain(stream)
    nursery.cancel_scope.cancel()


async def test_a_ping_while_leaving_is_no_error(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    """A server's ping that crosses the closing handshake does not spoil an orderly leave."""

    async def ping_late(connection: WebSocketConnection) -> None:
        assert server.stream is not None
        await trio.sleep(1)
        await server.stream.send_all(b"\x89\x00")

    async def slow(address: Any) -> trio.abc.Stream:
        stream = await server.connect(address)
        assert isinstance(stream, trio.StapledStream)
        sending = stream.send_stream
        assert isinstance(sending, trio.testing.MemorySendStream)
        deliver = sending.send_all_hook
        assert deliver is not None

        async def lag() -> None:
            await trio.sleep(1.5 if leaving else 0)
            await deliver()

        sending.send_all_hook = lag
        return stream

    leaving: list[bool] = []
    server = ScriptedServer(nursery, ping_late)
    async with open_stream(URL, "tok", connect=slow):
        leaving.append(True)
    nursery.cancel_scope.cancel()


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


async def test_cancelling_leaves_at_once(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    """A cancelled app does not wait for the server."""
    server = ScriptedServer(nursery, silent)
    with trio.move_on_after(5) as scope:
        async with open_stream(URL, "tok", connect=server.connect) as stream:
            await drain(stream)
    assert scope.cancelled_caught
    assert trio.current_time() == pytest.approx(5, abs=0.001)
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


async def test_not_an_address() -> None:
    """An address that is none is the caller's mistake: ValueError, before any I/O."""
    with pytest.raises(ValueError, match="not one of"):
        async with open_stream("ftp://x", "tok"):
            pytest.fail("not open")
