"""One run of `relayd transcribe`, against a scripted server in memory and a mock clock."""

import io
import json
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest
import trio
import trio.testing
from trio_websocket import WebSocketConnection

from relayd.cli.toolkit.exits import Exit
from relayd.cli.toolkit.live_line import LiveLine
from relayd.cli.transcribing import Source, Transcribing
from relayd.client import FORMATS, AudioError, ConnectError, RequestError
from relayd.client.messages import STOP
from relayd.client.transport import Address
from tests.client.server import URL, Script, ScriptedServer, end, say


@attrs.define(eq=False)
class FakeSource:
    """Some seconds of silence, at once."""

    seconds: float
    name: str = "talk.mp3"
    fails: bool = False
    loss: str = ""

    @property
    def total_seconds(self) -> float | None:
        """Known."""
        return self.seconds

    async def feed(self, chunks: trio.MemorySendChannel[bytes]) -> None:
        """All of it, then perhaps an error."""
        with chunks:
            for _ in range(round(self.seconds * 10)):
                await chunks.send(bytes(3200))
            if self.fails:
                raise AudioError("talk.mp3: damaged")


@attrs.define(eq=False)
class Run:
    """A run, and where its output went."""

    job: Transcribing
    output: io.StringIO
    errors: io.StringIO


def make(
    connect: Any,
    source: FakeSource,
    *,
    sign_in: Callable[[], Awaitable[str]] | None = None,
    form: str = "text",
) -> Run:
    """A run of this source through this connection."""

    async def token() -> str:
        return "tok"

    async def opened() -> Source:
        return source

    output, errors = io.StringIO(), io.StringIO()
    job = Transcribing(
        server_url=URL,
        sign_in=sign_in or token,
        open_source=opened,
        config={"sample_rate": 16_000},
        writer=FORMATS[form](),
        output=output,
        line=LiveLine(errors),
        connect=connect,
    )
    return Run(job, output, errors)


async def dictate(connection: WebSocketConnection) -> None:
    """Words at every second of audio, the last ones after `stop`."""
    heard = 0
    while True:
        message = await connection.get_message()
        if message == STOP:
            await say(connection, "transcript", text="The end.", is_final=True, speech_final=True)
            await end(connection)
        heard += len(message)
        if heard % 32_000 == 0:
            await say(connection, "transcript", text="wor", is_final=False)
            text = f"word {heard // 32_000}"
            await say(connection, "transcript", text=text, is_final=True, start=1.0, duration=1.0)


def refusing(code: str, close_code: int, wording: str) -> Script:
    """A server that says no in the middle of a session."""

    async def refuse(connection: WebSocketConnection) -> None:
        await connection.get_message()
        await say(connection, "transcript", text="paid words", is_final=True)
        if wording:
            await say(connection, "error", code=code, message=wording, fatal=True)
        await end(connection, code, close_code)

    return refuse


async def test_words_and_pace(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    """A recording takes as long as it is; words go to the output, progress elsewhere."""
    run = make(ScriptedServer(nursery, dictate).connect, FakeSource(3))
    assert await run.job.run() is Exit.OK
    assert trio.current_time() == pytest.approx(2.9, abs=0.01)
    assert run.output.getvalue() == "word 1 word 2 word 3 The end.\n"
    assert run.errors.getvalue() == (
        f"talk.mp3 (0:03) → {URL} · fake m1 · credit 10:00\n1.5 s charged · 9:58 left\n"
    )


async def test_stop_prints_the_last_words(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    """Ctrl-C ends the audio at once, the words that were paid for still come, the code is 130."""
    run = make(ScriptedServer(nursery, dictate).connect, FakeSource(600))
    codes: list[Exit] = []

    async def perform() -> None:
        codes.append(await run.job.run())

    async with trio.open_nursery() as performing:
        performing.start_soon(perform)
        await trio.sleep(1.05)
        assert run.job.stop()
        assert not run.job.stop()
    assert codes == [Exit.INTERRUPTED]
    assert run.output.getvalue() == "word 1 The end.\n"
    assert trio.current_time() == pytest.approx(1.05, abs=0.01)


async def test_stop_before_anything_runs() -> None:
    """Before the session there is nothing to wait for."""
    assert not make(None, FakeSource(1)).job.stop()


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (
            refusing("insufficient_credits", 4402, "Buy more."),
            "insufficient_credits: Buy more.",
        ),
        (
            refusing("insufficient_credits", 4402, ""),
            "insufficient_credits: the account needs more credit",
        ),
        (refusing("novelty", 4999, ""), "novelty"),
    ],
)
async def test_ended_by_the_server(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock, script: Script, told: str
) -> None:
    """A session that the server ended keeps its words, says code and remedy, and exits with 1."""
    run = make(ScriptedServer(nursery, script).connect, FakeSource(60))
    assert await run.job.run() is Exit.NOT_WELL
    assert run.output.getvalue() == "paid words\n"
    assert run.errors.getvalue().endswith(f"relayd: {told}\n")


async def test_lost_connection(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    """A connection that is lost for good keeps its words and exits with 3, after a minute."""

    async def cut(connection: WebSocketConnection) -> None:
        await connection.get_message()
        await say(connection, "transcript", text="so far", is_final=True)
        assert server.stream is not None
        await trio.aclose_forcefully(server.stream)

    server = ScriptedServer(nursery, cut)

    async def connect_once(address: Address) -> trio.abc.Stream:
        if server.stream is not None:
            raise ConnectError("nobody")
        return await server.connect(address)

    run = make(connect_once, FakeSource(60))
    assert await run.job.run() is Exit.UNREACHABLE
    assert run.output.getvalue() == "so far\n"
    assert "the connection was lost; trying again\n" in run.errors.getvalue()
    assert run.errors.getvalue().endswith("the rest is missing: nobody\n")
    assert 60 <= trio.current_time() <= 70


async def test_connected_again(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    """A connection that is lost is opened again, and it is said; the words go on."""
    connections = 0

    async def cut_once(connection: WebSocketConnection) -> None:
        nonlocal connections
        connections += 1
        if connections == 1:
            await connection.get_message()
            await say(connection, "transcript", text="One.", is_final=True)
            assert server.stream is not None
            await trio.aclose_forcefully(server.stream)
            return
        await dictate(connection)

    server = ScriptedServer(nursery, cut_once)
    run = make(server.connect, FakeSource(1))
    assert await run.job.run() is Exit.OK
    assert run.output.getvalue() == "One. word 1 The end.\n"
    assert "connected again\n" in run.errors.getvalue()


async def test_nobody_there() -> None:
    """No connection exits with 3."""

    async def refuse(address: Any) -> trio.abc.Stream:
        raise ConnectError("nobody")

    run = make(refuse, FakeSource(1))
    assert await run.job.run() is Exit.UNREACHABLE
    assert run.errors.getvalue() == "relayd: can't connect: nobody\n"


async def test_wrong_password() -> None:
    """A refused sign-in exits with 1 and says why."""

    async def refuse() -> str:
        raise RequestError(401, "invalid_credentials", "Wrong address or password.")

    run = make(None, FakeSource(1), sign_in=refuse)
    assert await run.job.run() is Exit.NOT_WELL
    assert "Wrong address or password." in run.errors.getvalue()


async def test_damaged_recording(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    """Audio that breaks off in the middle: its words are printed, and the exit code is 2."""
    run = make(ScriptedServer(nursery, dictate).connect, FakeSource(1, fails=True))
    assert await run.job.run() is Exit.USAGE
    assert run.output.getvalue() == "word 1 The end.\n"
    assert "relayd: talk.mp3: damaged" in run.errors.getvalue()


async def test_lost_sound_is_told(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    """A source that lost some sound says so at the end."""
    run = make(ScriptedServer(nursery, dictate).connect, FakeSource(1, loss="2.5 s were lost"))
    await run.job.run()
    assert "\nrelayd: 2.5 s were lost\n" in run.errors.getvalue()


async def test_credit_that_nobody_knows(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    """Where the server can't say what is left, no figure is invented."""

    async def away(connection: WebSocketConnection) -> None:
        await say(
            connection, "session_end", reason="completed", seconds_used=2, seconds_remaining=None
        )
        await connection.aclose()

    run = make(ScriptedServer(nursery, away).connect, FakeSource(1))
    assert await run.job.run() is Exit.OK
    assert run.errors.getvalue().endswith("2.0 s charged · what is left can't be told now\n")


async def test_json_lines(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    """Another format is another writer; interim results never reach the output."""
    run = make(ScriptedServer(nursery, dictate).connect, FakeSource(2), form="jsonl")
    await run.job.run()
    lines = [json.loads(line) for line in run.output.getvalue().splitlines()]
    assert [line["text"] for line in lines] == ["word 1", "word 2", "The end."]
