"""What an app sees of a relay, end to end."""

import pytest
import trio
from trio.testing import MockClock

from relayd.client import messages
from relayd.client.session import Stream
from tests.session.audio import frame
from tests.standin import Script
from tests.standin.script import Fault
from tests.whole.stack import Stack, open_stack


async def talk(stream: Stream, seconds: float) -> None:
    """Speak at live pace until the session ends."""
    for _ in range(round(seconds * 10)):
        await trio.sleep(0.1)
        if not await stream.send(frame(100)):
            return


async def heard(stream: Stream) -> list[messages.Message]:
    """Everything to the end."""
    return [message async for message in stream]


async def converse(stack: Stack, seconds: float, **options: object) -> list[messages.Message]:
    """Talk for so long, stop, and return what was heard."""
    listened: list[messages.Message] = []
    async with stack.stream(**options) as stream:

        async def listen() -> None:
            listened.extend(await heard(stream))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            await talk(stream, seconds)
            await stream.stop()
    return listened


async def test_words_come_back(autojump_clock: MockClock) -> None:
    """Ten seconds of audio go up, words come down, and ten seconds are charged."""
    async with open_stack() as stack:
        listened = await converse(stack, 10, interim_results=True)
        await stack.settled()

        transcripts = [m for m in listened if isinstance(m, messages.Transcript)]
        assert any(transcript.is_final for transcript in transcripts)
        assert any(not transcript.is_final for transcript in transcripts)
        assert isinstance(listened[-1], messages.SessionEnd)
        assert listened[-1].reason == "completed"
        assert listened[-1].seconds_used == 10
        assert stack.ledger.balance_of(stack.user_id) == 590_000
        (record,) = stack.stand_in.records
        assert record.audio_bytes == len(frame(10_000))


async def test_exhaustion_delivers_the_last_words(autojump_clock: MockClock) -> None:
    """Credit for 3,210 ms buys 3,210 ms to the byte, the last words, and then the close."""
    async with open_stack(credit_ms=3210) as stack:
        began = trio.current_time()
        listened = await converse(stack, 10)
        ended = trio.current_time()

        kinds = [type(message) for message in listened]
        assert kinds[-3:] == [messages.Transcript, messages.Error, messages.SessionEnd]
        assert isinstance(listened[-2], messages.Error)
        assert listened[-2].code == "insufficient_credits"
        # The frame that finds nothing left comes at 3.3 s.
        assert ended - began <= 3.3 + 2
        (record,) = stack.stand_in.records
        assert record.audio_bytes == len(frame(3210))
        await stack.settled()
        assert stack.ledger.balance_of(stack.user_id) == 0


async def test_hang_up_closes_the_engine_at_once(autojump_clock: MockClock) -> None:
    """A client that leaves without a word has its engine stream closed and its session settled."""
    async with open_stack() as stack:
        async with stack.stream() as stream:
            await talk(stream, 1)
        await trio.sleep(1)

        assert len(stack.sessions) == 0
        await stack.settled()
        assert stack.ledger.balance_of(stack.user_id) == 599_000


async def test_closing_in_order_completes(autojump_clock: MockClock) -> None:
    """An app that closes with 1000 and never said stop has completed its session."""
    async with open_stack() as stack:
        async with stack.stream() as stream:
            await talk(stream, 1)
            await stream._link.connection.aclose(1000)
        await trio.sleep(1)

        await stack.settled()
        (session,) = stack.ledger.books.sessions.values()
        assert session.end_reason == "completed"
        assert session.used_ms == 1000


async def test_silent_client_keeps_its_engine(autojump_clock: MockClock) -> None:
    """An app that says keepalive for a minute finds its engine stream alive afterwards."""
    async with open_stack() as stack, stack.stream() as stream:
        await talk(stream, 1)
        for _ in range(6):
            await trio.sleep(10)
            assert await stream.keepalive()
        await talk(stream, 1)
        await stream.stop()
        listened = await heard(stream)

        assert isinstance(listened[-1], messages.SessionEnd)
        assert listened[-1].reason == "completed"
        assert listened[-1].seconds_used == 2
        assert len(stack.stand_in.records) == 1


async def test_engine_gone_is_told(autojump_clock: MockClock) -> None:
    """An engine that goes away in the middle ends the session with what to do."""
    async with open_stack(Script(fault=Fault.CLOSE, after_ms=1000, close_code=1011)) as stack:
        listened = await converse(stack, 5)

        assert isinstance(listened[-1], messages.SessionEnd)
        assert listened[-1].reason == "upstream_closed"
        await stack.settled()


async def test_drain_tells_everybody(autojump_clock: MockClock) -> None:
    """A drain delivers the last words and closes with 1012."""
    async with open_stack() as stack, stack.stream() as stream:
        await talk(stream, 3)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stack.sessions.drain)
            listened = await heard(stream)

        assert stream.ending is not None
        assert stream.ending.close_code == 1012
        assert any(isinstance(message, messages.Transcript) for message in listened)


async def test_a_session_cut_off_leaves_its_line(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A daemon that doesn't wait any longer logs the end of every session all the same, once."""
    caplog.set_level("INFO")
    async with open_stack() as stack, trio.open_nursery() as nursery:
        talking = trio.Event()

        async def converse() -> None:
            async with stack.stream() as stream:
                await talk(stream, 1)
                talking.set()
                await trio.sleep_forever()

        nursery.start_soon(converse)
        await talking.wait()
        stack.nursery.cancel_scope.cancel()
        nursery.cancel_scope.cancel()

    assert caplog.messages.count("session ended") == 1
    assert stack.ledger.balance_of(stack.user_id) == 599_000
