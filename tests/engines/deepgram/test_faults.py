"""The Deepgram engine where the other end fails, against the stand-in under a mock clock."""

import logging

import pytest
import trio
from trio.testing import MockClock, lockstep_stream_pair

from relayd.errors import (
    UpstreamClosed,
    UpstreamError,
    UpstreamRejected,
    UpstreamUnavailable,
)
from relayd.websocket.keepalive import BEAT_SECONDS
from tests.engines.deepgram.wired import (
    FRAME,
    SETTINGS,
    bench,
    failure,
    listening,
    read_all,
    send_seconds,
)
from tests.standin import Fault, Script


@pytest.mark.parametrize(
    ("script", "error", "told", "hint"),
    [
        (
            Script(fault=Fault.TIMEOUT, after_ms=500, close_reason="See dpgr.am/net0001"),
            UpstreamClosed,
            "Connect again",
            "net0001",
        ),
        (
            Script(fault=Fault.CLOSE, after_ms=500, close_code=1008, close_reason="DATA-0000"),
            UpstreamRejected,
            "encoding, sample_rate or channels",
            "DATA-0000",
        ),
        (
            Script(fault=Fault.CLOSE, after_ms=500, close_code=1000),
            UpstreamClosed,
            "Connect again",
            "1000",
        ),
        (Script(fault=Fault.RESET, after_ms=500), UpstreamClosed, "Connect again", "1006"),
        (Script(fault=Fault.HUGE, after_ms=500), UpstreamClosed, "Connect again", "1009"),
    ],
)
async def test_a_stream_that_ends_early_says_why(  # noqa: PLR0917  two fixtures, a table
    autojump_clock: MockClock,
    caplog: pytest.LogCaptureFixture,
    script: Script,
    error: type[UpstreamError],
    told: str,
    hint: str,
) -> None:
    """Each way to lose the stream has its error, its words for the user and for the operator."""
    async with bench(script) as b, b.engine.open(b.plan()) as stream:
        for _ in range(5):
            await stream.send_audio(FRAME)
        found = await failure(stream)
        assert type(found) is error
        assert told in found.message
        assert hint in found.hint
        with pytest.raises(error):
            await stream.send_audio(FRAME)
    # Both ends of the session hear of it; the operator does once.
    assert [record.getMessage() for record in caplog.records] == ["deepgram stream failed"]


async def test_the_figure_that_comes_just_before_a_timeout_is_kept(
    autojump_clock: MockClock,
) -> None:
    """Metadata precedes Deepgram's 1011; it is read even where nobody reads any more."""
    script = Script(fault=Fault.TIMEOUT, after_ms=500)
    async with bench(script) as b:
        with pytest.RaisesGroup(UpstreamClosed):
            async with b.engine.open(b.plan()) as stream, listening(stream):
                await send_seconds(stream, 2)
        assert stream.reported_ms == 500


@pytest.mark.parametrize("fault", [Fault.GARBAGE, Fault.ERROR])
async def test_what_can_not_be_read_does_not_end_the_stream(
    autojump_clock: MockClock, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    """Nonsense and Error frames are passed over; what the error was about is logged."""
    async with bench(Script(fault=fault, after_ms=500)) as b, b.engine.open(b.plan()) as stream:
        await send_seconds(stream, 2)
        await stream.finish()
        assert len(await read_all(stream)) == 2
    warned = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warned) == (1 if fault is Fault.ERROR else 0)


async def test_an_engine_that_stops_reading_is_given_up_after_the_send_deadline(
    autojump_clock: MockClock,
) -> None:
    """A send that is not taken for 5 s ends the stream, at that very second."""
    script = Script(fault=Fault.STALL, after_ms=0)
    async with bench(script, pair=lockstep_stream_pair) as b, b.engine.open(b.plan()) as stream:
        tried_at = [0.0]

        async def send() -> None:
            while True:
                tried_at.append(trio.current_time())
                await stream.send_audio(FRAME)
                await trio.sleep(0.1)

        with pytest.raises(UpstreamUnavailable) as caught:
            await send()
        assert trio.current_time() == tried_at[-1] + 5
        assert "took no audio for 5 s" in caught.value.hint
        assert isinstance(await failure(stream), UpstreamUnavailable)


async def test_an_engine_that_is_gone_is_noticed_by_its_missing_pong(
    autojump_clock: MockClock,
) -> None:
    """Where sends vanish in buffers the ping finds out, within 10 s: as one that takes no audio."""
    async with bench(Script(fault=Fault.STALL)) as b, b.engine.open(b.plan()) as stream:
        await stream.send_audio(FRAME)
        error = await failure(stream)
        assert isinstance(error, UpstreamUnavailable)
        assert "no ping" in error.hint
        assert 10 <= trio.current_time() <= 10 + 2 * BEAT_SECONDS


async def test_a_stream_that_stays_silent_goes_on(autojump_clock: MockClock) -> None:
    """No result is no error: the session's own limits apply."""
    async with bench(Script(fault=Fault.SILENT)) as b, b.engine.open(b.plan()) as stream:
        async with listening(stream):
            await send_seconds(stream, 60)
        with trio.move_on_after(10) as patience:
            await stream.receive()
        assert patience.cancelled_caught


async def test_leaving_is_quick_where_nobody_answers_the_goodbye(autojump_clock: MockClock) -> None:
    """The closing handshake is bounded."""
    async with bench(Script(fault=Fault.STALL)) as b:
        async with b.engine.open(b.plan()) as stream:
            await stream.send_audio(FRAME)
        assert trio.current_time() == pytest.approx(SETTINGS.close_seconds)


async def test_leaving_an_unanswered_finish_is_quick(autojump_clock: MockClock) -> None:
    """An engine deaf to CloseStream costs the session its own patience, and no more."""
    async with bench(Script(deaf_to_close=True)) as b:
        async with b.engine.open(b.plan()) as stream:
            await stream.send_audio(FRAME)
            await stream.finish()
            with trio.move_on_after(1) as patience:
                await stream.receive()
            assert patience.cancelled_caught
        assert trio.current_time() == pytest.approx(1 + SETTINGS.close_seconds)


@pytest.mark.parametrize("fault", [None, Fault.STALL])
async def test_a_cancelled_stream_ends_at_once(
    autojump_clock: MockClock, fault: Fault | None
) -> None:
    """Cancellation passes clean, and the connection is gone in the same moment."""
    async with bench(Script(fault=fault), pair=lockstep_stream_pair) as b:
        with trio.move_on_after(3) as scope:
            async with b.engine.open(b.plan()) as stream:
                await send_seconds(stream, 60)
        assert scope.cancelled_caught
        assert trio.current_time() == 3
        if fault is None:
            with trio.fail_after(0.001):
                await b.stand_in.records[0].ended.wait()


async def test_what_is_sent_after_a_cut_send_is_refused(autojump_clock: MockClock) -> None:
    """Half a frame went out: whatever follows it could not be read."""
    script = Script(fault=Fault.STALL)
    async with bench(script, pair=lockstep_stream_pair) as b, b.engine.open(b.plan()) as stream:
        with trio.move_on_after(1) as scope:
            await send_seconds(stream, 60)
        assert scope.cancelled_caught
        with pytest.raises(UpstreamUnavailable):
            await stream.send_audio(FRAME)
