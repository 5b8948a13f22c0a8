"""A real recogniser process hears the shipped recording."""

import os
import signal
from collections.abc import AsyncIterator

import attrs
import pytest
import trio

from relayd.engines.local import engine as module
from relayd.engines.local.engine import LocalEngine, open_local
from relayd.engines.local.frames import PAYLOAD_BYTES_MAX
from relayd.engines.sphinx import SPHINX
from relayd.errors import UpstreamClosed, UpstreamUnavailable
from tests.engines.local import spoken
from tests.engines.local.processes import SETTINGS, plan, transcripts

pytestmark = pytest.mark.system

HEARD = [
    "hello and welcome",
    "we listen while you speak and we send the words back to you",
    "you pay only for the time that you use",
]
# Bytes of a frame, in the middle of a sample.
CUT = 3_201


@pytest.fixture
async def engine() -> AsyncIterator[LocalEngine]:
    """The engine with a process for one stream: a spare one would only load the model again."""
    async with open_local(SPHINX, attrs.evolve(SETTINGS, workers_max=1)) as opened:
        yield opened


async def test_the_recording_is_understood(engine: LocalEngine) -> None:
    """Most words are right, in order, inside the audio; the engine's own figure is the audio's."""
    audio = spoken.DEMO.samples
    async with engine.open(plan(interim_results=True)) as stream:
        await stream.send_audio(audio)
        await stream.finish()
        results = await transcripts(stream)

    finals = [one for one in results if one.is_final]
    assert [one.text for one in finals] == HEARD
    assert spoken.DEMO.error(" ".join(HEARD)) <= 0.1
    assert any(one.text and not one.is_final for one in results)
    assert all(one.speech_final for one in finals)
    words = [word for one in finals for word in one.words]
    times = [time for word in words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert 0 <= times[0] < times[-1] <= len(audio) / 32_000
    assert all(0 < word.confidence <= 1 for word in words)
    assert stream.reported_ms == len(audio) // 32
    assert await stream.receive() is None


async def test_the_words_do_not_depend_on_the_frames(engine: LocalEngine) -> None:
    """A client's frames, cut inside a sample too: the same words as all at once."""
    audio = spoken.DEMO.samples
    async with engine.open(plan()) as stream:
        for n in range(0, len(audio), CUT):
            await stream.send_audio(audio[n : n + CUT])
        await stream.finish()
        results = await transcripts(stream)

    assert [one.text for one in results] == HEARD


async def test_finalize_answers_before_the_pause(engine: LocalEngine) -> None:
    """The words so far come at once, marked, and the rest afterwards on the same timeline."""
    audio = spoken.DEMO.samples
    half = 4 * 32_000
    async with engine.open(plan()) as stream:
        await stream.send_audio(audio[:half])
        await stream.finalize()
        await stream.send_audio(audio[half:])
        await stream.finish()
        results = await transcripts(stream)

    assert [one.from_finalize for one in results] == [False, True, False, False]
    assert results[1].text.startswith("we listen while you")
    assert results[2].start >= results[1].start + results[1].duration
    assert spoken.DEMO.error(" ".join(one.text for one in results)) <= 0.2


async def test_a_stream_without_audio_ends_in_order(engine: LocalEngine) -> None:
    """Nothing said, nothing invented."""
    async with engine.open(plan()) as stream:
        await stream.finish()

        assert await transcripts(stream) == []
        assert stream.reported_ms == 0


async def test_telephone_audio_is_heard(engine: LocalEngine) -> None:
    """Audio in another format goes all the way: here silence in G.711."""
    async with engine.open(plan(encoding="mulaw", sample_rate=8_000)) as stream:
        await stream.send_audio(b"\xff" * 12_000)
        await stream.finish()

        assert await transcripts(stream) == []
        assert stream.reported_ms == 1_500


async def test_a_process_that_dies_closes_the_stream(engine: LocalEngine) -> None:
    """The session hears it at once, the operator what to do."""
    async with engine.open(plan()) as stream:
        os.kill(stream._worker.process.pid, signal.SIGKILL)

        with trio.fail_after(5), pytest.raises(UpstreamClosed) as reading:
            await stream.receive()
        with trio.fail_after(5), pytest.raises(UpstreamClosed):
            await stream.send_audio(bytes(1_000_000))

    assert "signal 9" in reading.value.hint
    assert "recogniser" in reading.value.message


async def test_a_process_that_was_reaped_meanwhile_closes_the_stream(engine: LocalEngine) -> None:
    """Its keeper may see the end, and close the pipes, before the session looks."""
    async with engine.open(plan()) as stream:
        await stream._worker.kill()

        with trio.fail_after(5), pytest.raises(UpstreamClosed) as reading:
            await stream.receive()
        with trio.fail_after(5), pytest.raises(UpstreamClosed):
            await stream.send_audio(bytes(1_000_000))

    assert "signal 9" in reading.value.hint


async def test_what_a_process_can_not_read_closes_the_stream(engine: LocalEngine) -> None:
    """A failure in the process is told in its own words, to the operator only."""
    async with engine.open(plan()) as stream:
        await stream.start()

        with trio.fail_after(5), pytest.raises(UpstreamClosed) as reading:
            await stream.receive()

    assert "a stream starts once" in reading.value.hint
    assert "once" not in reading.value.message


async def test_a_process_that_stalls_is_unavailable_and_takes_no_memory(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is fed faster than it is heard waits at the client; here is one frame at most."""
    monkeypatch.setattr(module, "WRITE_SECONDS", 0.1)
    async with engine.open(plan()) as stream:
        os.kill(stream._worker.process.pid, signal.SIGSTOP)

        with trio.fail_after(5), pytest.raises(UpstreamUnavailable) as stalled:
            await stream.send_audio(bytes(10_000_000))

        assert len(stream._worker._child._unwritten) <= PAYLOAD_BYTES_MAX + 5
    assert "took no audio" in stalled.value.hint


async def test_a_send_cut_short_leaves_the_stream_usable(engine: LocalEngine) -> None:
    """A session told to end while it waits to send still gets the last words."""
    async with engine.open(plan()) as stream:
        os.kill(stream._worker.process.pid, signal.SIGSTOP)
        with trio.move_on_after(30) as stuck:
            while True:
                # Five pages of a pipe that has sixteen: the last one goes in part.
                await stream.send_audio(bytes(20_000))
                stuck.deadline = trio.current_time() + 0.2
        assert 0 < len(stream._worker._child._unwritten) < 20_000
        os.kill(stream._worker.process.pid, signal.SIGCONT)
        await stream.finish()

        assert await transcripts(stream) == []
        assert stream.reported_ms is not None
        assert 0 < stream.reported_ms < 10_000
