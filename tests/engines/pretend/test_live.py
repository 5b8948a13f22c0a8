"""The live engine that listens to nothing: words by the length of the audio."""

from typing import Any

import pytest

from relayd.engines.pretend.live import PretendLive
from relayd.speech.plan import StreamPlan
from relayd.speech.words import SpeechStarted, Transcript, UpstreamEvent, UtteranceEnd

SECOND = bytes(32_000)


async def heard(seconds: int, **config: Any) -> list[UpstreamEvent]:
    """All results of so much audio."""
    engine = PretendLive()
    plan = engine.plan(config)
    assert isinstance(plan, StreamPlan)
    events: list[UpstreamEvent] = []
    async with engine.open(plan) as upstream:
        for _ in range(seconds):
            assert upstream.send_audio_at_once(SECOND)
        await upstream.finish()
        while (event := await upstream.receive()) is not None:
            events.append(event)
        assert upstream.reported_ms == seconds * 1000
    return events


async def test_a_sentence_every_five_seconds() -> None:
    """Results touch, the last one has what is left, and words lie within their result."""
    results = [one for one in await heard(12) if isinstance(one, Transcript)]
    assert [(one.start, one.duration) for one in results] == [(0, 5), (5, 5), (10, 2)]
    assert all(one.is_final and one.speech_final for one in results)
    assert results[0].text == "These are pretended words, not what was said."
    assert results[2].text == "These are pretended words, not"
    for one in results:
        assert all(one.start <= word.start < word.end <= one.start + 5 for word in one.words)


async def test_what_is_asked_for_comes() -> None:
    """Interim results and marks of the voice only where they are asked for."""
    events = await heard(5, interim_results=True, vad_events=True, utterance_end_ms=1000)
    interims = [one for one in events if isinstance(one, Transcript) and not one.is_final]
    assert [one.duration for one in interims] == [1, 2, 3, 4]
    assert interims[0].text == "These are"
    assert SpeechStarted(0.0) in events
    assert UtteranceEnd(3.2) in events
    assert all(isinstance(one, Transcript) and one.is_final for one in await heard(5))


async def test_finalize_says_what_there_is() -> None:
    """The stream goes on from there."""
    engine = PretendLive()
    plan = engine.plan({})
    assert isinstance(plan, StreamPlan)
    async with engine.open(plan) as upstream:
        await upstream.send_audio(SECOND * 2)
        await upstream.finalize()
        first = await upstream.receive()
        await upstream.send_audio(SECOND * 5)
        second = await upstream.receive(lambda _: False)
    assert isinstance(first, Transcript)
    assert isinstance(second, Transcript)
    assert (first.start, first.duration, first.from_finalize) == (0, 2, True)
    assert (second.start, second.duration, second.from_finalize) == (2, 5, False)


@pytest.mark.parametrize("config", [{"model": "nova-3"}, {"diarize": True}, {"keyterm": ["a"]}])
def test_whoever_tests_may_ask_for_anything(config: dict[str, Any]) -> None:
    """Also for what costs extra, as it costs nothing here."""
    assert isinstance(PretendLive().plan(config), StreamPlan)
