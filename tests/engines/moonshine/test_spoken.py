"""Moonshine's real weights hear real speech, and how many of its words they get wrong.

Where this machine has no package of them the tests say so, and prove nothing.
"""

from collections.abc import AsyncIterator
from typing import Any

import av
import pytest

from relayd.engines.local.engine import LocalEngine, check_local, open_local
from relayd.engines.local.recogniser import Listening, Recogniser
from relayd.engines.moonshine import MOONSHINE, voice
from relayd.engines.moonshine.decoder import MoonshineModel, load
from relayd.speech.plan import StreamPlan
from relayd.speech.words import Transcript
from tests.engines.local.processes import SETTINGS, transcripts
from tests.engines.local.spoken import DEMO, INAUGURAL, Spoken

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(
        bool(MOONSHINE.missing), reason="this machine has no package of Moonshine's weights"
    ),
]

PIECE = 3_200
BYTES_PER_SECOND = 32_000


@pytest.fixture
async def engine() -> AsyncIterator[LocalEngine]:
    """The engine with a pool of two processes."""
    async with open_local(MOONSHINE, SETTINGS) as opened:
        yield opened


@pytest.fixture(scope="module")
def model() -> MoonshineModel:
    """The weights, in this process."""
    return load()


def heard(
    model: MoonshineModel, audio: bytes, listening: Listening
) -> list[tuple[float, dict[str, Any]]]:
    """Every result, each with the second of audio after which it came, in pieces of 100 ms."""
    results: list[tuple[float, dict[str, Any]]] = []
    sent = 0
    recogniser = Recogniser(
        model, listening, lambda one: results.append((sent / BYTES_PER_SECOND, one))
    )
    for start in range(0, len(audio), PIECE):
        sent = min(start + PIECE, len(audio))
        recogniser.feed(audio[start:sent])
    recogniser.finish()
    return results


def final_text(results: list[tuple[float, dict[str, Any]]]) -> str:
    """All final words."""
    return " ".join(one["text"] for _, one in results if one["is_final"])


def planned(engine: LocalEngine, **asked: Any) -> StreamPlan:
    """The plan of a config that must be allowed."""
    plan = engine.plan(asked)
    assert isinstance(plan, StreamPlan), plan
    return plan


async def streamed(engine: LocalEngine, audio: bytes, **asked: Any) -> list[Transcript]:
    """Every result of a stream that gets all of the audio at once."""
    async with engine.open(planned(engine, **asked)) as stream:
        await stream.send_audio(audio)
        await stream.finish()
        return await transcripts(stream)


@pytest.mark.parametrize(
    ("recording", "wrong"), [(DEMO, 0.0), (INAUGURAL, 0.05)], ids=["demo", "inaugural"]
)
async def test_speech_is_understood(engine: LocalEngine, recording: Spoken, wrong: float) -> None:
    """Through a process of its own: nearly all words, in order, each with its time and a comma."""
    audio = recording.samples
    results = await streamed(engine, audio)

    assert all(one.is_final for one in results)
    assert recording.error(" ".join(one.text for one in results)) <= wrong
    words = [word for one in results for word in one.words]
    times = [time for word in words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert 0 <= times[0] < times[-1] <= len(audio) / BYTES_PER_SECOND
    written = [word.punctuated_word or "" for word in words]
    assert " ".join(written) == " ".join(one.text for one in results)
    assert written[0][0].isupper()
    assert written[-1].endswith(".")


async def test_punctuation_can_be_switched_off(engine: LocalEngine) -> None:
    """`punctuate: false` gives words in lower case and nothing else."""
    results = await streamed(engine, DEMO.samples, punctuate=False)
    assert " ".join(one.text for one in results).split() == DEMO.words
    assert {word.punctuated_word for one in results for word in one.words} == {None}


async def test_the_last_words_come_when_the_audio_ends(engine: LocalEngine) -> None:
    """In the middle of a sentence, too."""
    (first, second) = await streamed(engine, DEMO.samples[: 4 * BYTES_PER_SECOND])
    assert first.speech_final
    assert not second.speech_final
    assert second.text.lower().startswith("we listen while you speak")


async def test_finalize_answers_before_the_pause(engine: LocalEngine) -> None:
    """The words so far come at once, marked, and the rest afterwards on the same timeline."""
    audio, half = DEMO.samples, 4 * BYTES_PER_SECOND
    async with engine.open(planned(engine)) as stream:
        await stream.send_audio(audio[:half])
        await stream.finalize()
        await stream.send_audio(audio[half:])
        await stream.finish()
        results = await transcripts(stream)
        assert stream.reported_ms == len(audio) // 32

    assert [one.from_finalize for one in results] == [False, True, False, False]
    assert results[2].start >= results[1].start + results[1].duration
    assert DEMO.error(" ".join(one.text for one in results)) <= 0.1


def telephone(audio: bytes) -> bytes:
    """G.711 µ-law at 8 kHz."""
    frame = av.AudioFrame("s16", "mono", len(audio) // 2)
    frame.sample_rate = 16_000
    frame.planes[0].update(audio + bytes(frame.planes[0].buffer_size - len(audio)))
    resampler = av.AudioResampler("s16", "mono", 8_000)
    encoder = av.CodecContext.create("pcm_mulaw", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format = 8_000, "mono", av.AudioFormat("s16")
    packets = [
        bytes(packet)
        for piece in (frame, None)
        for small in resampler.resample(piece)
        for packet in encoder.encode(small)
    ]
    return b"".join(packets)


async def test_a_telephone_is_understood(engine: LocalEngine) -> None:
    """Audio in another encoding and rate is converted."""
    audio = telephone(DEMO.samples)
    results = await streamed(engine, audio, encoding="mulaw", sample_rate=8_000)
    assert DEMO.error(" ".join(one.text for one in results)) <= 0.1
    assert results[-1].start + results[-1].duration <= len(audio) / 8_000


def test_first_words_are_early_and_revised(model: MoonshineModel) -> None:
    """Before half of a second of speech was heard there are words; they change until final."""
    results = heard(model, DEMO.samples, Listening())
    finals = [(at, one) for at, one in results if one["is_final"]]
    for _, final in finals:
        so_far = [(at, one) for at, one in results if one["start"] == final["start"]]
        assert so_far[0][0] - final["words"][0]["start"] <= 0.7
        texts = [one["text"] for _, one in so_far]
        assert len(set(texts)) > 1
    # Nothing comes back to what was final.
    reached = 0.0
    for _, one in results:
        assert one["start"] >= reached
        if one["is_final"]:
            reached = one["start"] + one["duration"]


def test_a_pause_makes_words_final(model: MoonshineModel) -> None:
    """Within a second of audio after the last word."""
    results = heard(model, DEMO.samples + bytes(BYTES_PER_SECOND), Listening(interim_results=False))
    assert len(results) == 3
    for at, one in results:
        assert at - one["words"][-1]["end"] <= 0.9
        assert one["speech_final"]


def test_speech_without_a_pause_is_cut_between_words(model: MoonshineModel) -> None:
    """Twenty seconds of it, with no word doubled or lost at a cut."""
    sentence = DEMO.samples[round(1.95 * BYTES_PER_SECOND) : round(5.4 * BYTES_PER_SECOND)]
    results = heard(model, sentence * 6, Listening(interim_results=False))
    assert len(results) > 1
    assert max(one["duration"] for _, one in results) <= 12.1
    assert not any(one["speech_final"] for _, one in results[:-1])
    bare = [word["word"] for _, one in results for word in one["words"]]
    assert bare == DEMO.words[3:16] * 6


def test_a_long_stream_is_understood_to_its_end(
    model: MoonshineModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the package had to forget on the way, words and times stay right."""
    monkeypatch.setattr(voice, "STRETCHES", 2)
    monkeypatch.setattr(voice, "STRETCHES_MAX", 4)
    once = heard(model, DEMO.samples, Listening(interim_results=False))
    results = heard(model, DEMO.samples * 5, Listening(interim_results=False))
    text = final_text(results)
    assert text.split() == final_text(once).split() * 5
    lasts = [one["words"][-1]["end"] for _, one in results]
    period = len(DEMO.samples) / BYTES_PER_SECOND
    for n, last in enumerate(lasts):
        assert last == pytest.approx(lasts[n % 3] + n // 3 * period, abs=0.1)


@pytest.mark.parametrize("loudness", [0, 50, 3_000])
def test_noise_has_no_words(model: MoonshineModel, loudness: int) -> None:
    """Neither silence nor hiss, faint or loud, is taken for speech."""
    noise = bytearray()
    state = 1
    for _ in range(16_000 * 10):
        state = state * 1_103_515_245 + 12_345 & 0x7FFF_FFFF
        noise += ((state >> 16) % (2 * loudness + 1) - loudness).to_bytes(2, "little", signed=True)
    assert final_text(heard(model, bytes(noise), Listening())).strip() == ""


async def test_a_healthy_model_passes_the_check() -> None:
    """`relayd check` starts a process and finds nothing wrong."""
    assert await check_local(MOONSHINE, SETTINGS) is None
