"""Deepgram's interface for recordings: what is sent, and what becomes of its answer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from relayd import config
from relayd.engines.deepgram.files import open_deepgram_files
from relayd.errors import EngineBusy, EngineFailed, EngineOff
from relayd.speech.document import Document
from relayd.speech.files import AudioForm, FileRequest

SETTINGS = config.Deepgram(
    api_key=config.Secret("dg-1"), url="wss://api.eu.deepgram.com", paid_features=("diarize",)
)
REQUEST = FileRequest("nova-3", language="en")


def word(text: str, start: float, speaker: int | None = None) -> dict[str, Any]:
    """A word of half a second as Deepgram tells it."""
    told = {"word": text.lower().strip("."), "start": start, "end": start + 0.5}
    told |= {"confidence": 0.9, "punctuated_word": text}
    return told if speaker is None else {**told, "speaker": speaker}


ANSWER = {
    "metadata": {"request_id": "r", "duration": 3.25, "channels": 2, "models": []},
    "results": {
        "channels": [{"alternatives": [{"transcript": "…"}], "detected_language": "fr"}],
        "utterances": [
            {
                "start": 2.0,
                "end": 2.5,
                "confidence": 0.9,
                "channel": 1,
                "transcript": "Yes.",
                "words": [word("Yes.", 2.0, 1)],
                "speaker": 1,
                "id": "b",
            },
            {
                "start": 0.5,
                "end": 1.5,
                "confidence": 0.9,
                "channel": 0,
                "transcript": "Good morning.",
                "words": [word("Good", 0.5, 0), word("morning.", 1.0, 0)],
                "speaker": 0,
                "id": "a",
            },
        ],
    },
}


async def transcribed(
    tmp_path: Path, answer: Callable[[httpx.Request], httpx.Response], request: FileRequest
) -> Document:
    """Send half a megabyte to a Deepgram that answers so."""
    path = tmp_path / "recording"
    path.write_bytes(bytes(range(256)) * 2_048)
    async with open_deepgram_files(SETTINGS, httpx.MockTransport(answer)) as engine:
        return await engine.transcribe(path, request, lambda _: None)


async def test_the_file_goes_up_as_it_is(tmp_path: Path) -> None:
    """In pieces, with the key, and asked for what the caller asked for."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=ANSWER)

    await transcribed(tmp_path, answer, FileRequest("nova-3", "en-GB", diarise=True, channels=True))

    (request,) = seen
    assert request.url.copy_with(query=None) == "https://api.eu.deepgram.com/v1/listen"
    assert dict(request.url.params) == {
        "model": "nova-3",
        "language": "en-GB",
        "utterances": "true",
        "smart_format": "true",
        "diarize": "true",
        "multichannel": "true",
    }
    assert request.headers["authorization"] == "Token dg-1"
    assert request.headers["transfer-encoding"] == "chunked"
    assert request.content == bytes(range(256)) * 2_048


async def test_utterances_are_segments(tmp_path: Path) -> None:
    """In the order of their times, with who said what on which channel."""
    request = FileRequest("nova-3", channels=True)
    found = await transcribed(tmp_path, lambda _: httpx.Response(200, json=ANSWER), request)
    assert (found.duration_ms, found.language) == (3_250, "fr")
    assert found.text == "Good morning. Yes."
    assert [(one.speaker, one.channel) for one in found.segments] == [(0, 0), (1, 1)]
    first = next(found.words)
    assert (first.text, first.start_ms, first.end_ms) == ("Good", 500, 1_000)
    assert (first.confidence, first.speaker) == (0.9, 0)


async def test_mixed_channels_have_no_number(tmp_path: Path) -> None:
    """Deepgram calls the mix channel 0, which tells nothing."""
    found = await transcribed(tmp_path, lambda _: httpx.Response(200, json=ANSWER), REQUEST)
    assert {one.channel for one in found.segments} == {None}


@pytest.mark.parametrize(
    ("status", "kind"), [(401, EngineOff), (402, EngineOff), (429, EngineBusy), (504, EngineBusy)]
)
async def test_refusals_are_told_apart(tmp_path: Path, status: int, kind: type[Exception]) -> None:
    """Who must act: the operator, or time."""
    with pytest.raises(kind, match=f"engines.deepgram answered {status}"):
        await transcribed(tmp_path, lambda _: httpx.Response(status, json={}), REQUEST)


@pytest.mark.parametrize("body", [b"", b"{}", b'{"metadata": {"duration": 1}}', b"[]"])
async def test_what_is_no_transcript_is_a_failure(tmp_path: Path, body: bytes) -> None:
    """Of this attempt."""
    with pytest.raises(EngineFailed):
        await transcribed(tmp_path, lambda _: httpx.Response(200, content=body), REQUEST)


async def test_what_the_operator_does_not_pay_for_is_refused() -> None:
    """Telling speakers apart costs extra."""
    cheap = config.Deepgram(api_key=config.Secret("dg-1"))
    async with open_deepgram_files(cheap) as engine:
        refusal = engine.refusal(FileRequest("nova-3", diarise=True))
        assert refusal is not None
        assert refusal.key == "diarise"
        assert (engine.form, engine.part_seconds_max) == (AudioForm.ORIGINAL, None)
    async with open_deepgram_files(SETTINGS) as engine:
        assert engine.refusal(FileRequest("nova-3", diarise=True)) is None
