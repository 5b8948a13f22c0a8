"""OpenAI's interface: what is sent, and what differing servers answer."""

import json
from collections.abc import Callable
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import httpx
import pytest

from relayd import config
from relayd.engines.openai_compatible.engine import open_openai_compatible
from relayd.errors import EngineFailed, EngineOff
from relayd.speech.document import Document
from relayd.speech.files import FileRequest

SETTINGS = config.OpenAiCompatible(
    url="https://engine.example/v1/", api_key=config.Secret("sk-1"), models=("whisper-1",)
)
REQUEST = FileRequest("whisper-1")

# OpenAI's own: words beside segments, the language by its English name.
OPENAI = {
    "task": "transcribe",
    "language": "english",
    "duration": 8.47,
    "text": "Good morning. How are you?",
    "words": [
        {"word": "Good", "start": 0.1, "end": 0.4},
        {"word": "morning", "start": 0.4, "end": 0.9},
        {"word": "How", "start": 2.0, "end": 2.2},
        {"word": "are", "start": 2.2, "end": 2.3},
        {"word": "you", "start": 2.3, "end": 2.6},
    ],
    "segments": [
        {"id": 0, "start": 0.0, "end": 1.0, "text": " Good morning.", "avg_logprob": -0.3},
        {"id": 1, "start": 2.0, "end": 3.0, "text": " How are you?", "avg_logprob": -0.3},
    ],
}
# speaches: words inside of segments too, with probabilities.
SPEACHES = {
    "language": "en",
    "duration": 1.0,
    "text": "Hi.",
    "words": None,
    "segments": [
        {
            "start": 0.0,
            "end": 0.5,
            "text": "Hi.",
            "words": [{"start": 0.1, "end": 0.5, "word": " Hi.", "probability": 0.75}],
        }
    ],
}


async def transcribed(
    tmp_path: Path, answer: Callable[[httpx.Request], httpx.Response], request: FileRequest
) -> Document:
    """Send three bytes of a file to a server that answers so."""
    path = tmp_path / "part-0001.flac"
    path.write_bytes(b"abc")
    async with open_openai_compatible(SETTINGS, httpx.MockTransport(answer)) as engine:
        return await engine.transcribe(path, request, lambda _: None)


def answers(body: object, status: int = 200) -> Callable[[httpx.Request], httpx.Response]:
    """A server that always says this."""
    return lambda _: httpx.Response(status, json=body)


def fields(request: httpx.Request) -> dict[str, list[Message]]:
    """The fields of a form with a file, as another parser finds them."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    found: dict[str, list[Message]] = {}
    parsed = BytesParser().parsebytes(head + request.content)
    for part in parsed.get_payload():
        assert isinstance(part, Message)
        name = part.get_param("name", header="content-disposition")
        found.setdefault(str(name), []).append(part)
    return found


async def test_what_is_sent_is_what_they_document(tmp_path: Path) -> None:
    """A form with the file, times of words, language and prompt; the key in its header."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=OPENAI)

    await transcribed(tmp_path, answer, FileRequest("whisper-1", "de-AT", "Mötzt"))

    (request,) = seen
    assert str(request.url) == "https://engine.example/v1/audio/transcriptions"
    assert request.headers["authorization"] == "Bearer sk-1"
    form = fields(request)
    (file,) = form.pop("file")
    assert (file.get_filename(), file.get_payload(decode=True)) == ("part-0001.flac", b"abc")
    sent = {
        name: [str(one.get_payload(decode=True), "utf-8") for one in parts]  # type: ignore[arg-type]  # bytes of a plain part
        for name, parts in form.items()
    }
    assert sent == {
        "model": ["whisper-1"],
        "response_format": ["verbose_json"],
        "timestamp_granularities[]": ["word", "segment"],
        "language": ["de"],
        "prompt": ["Mötzt"],
    }


async def test_words_find_their_segments(tmp_path: Path) -> None:
    """Each word is in the segment in which it begins."""
    found = await transcribed(tmp_path, answers(OPENAI), REQUEST)
    assert (found.language, found.duration_ms) == ("en", 8_470)
    assert [one.text for one in found.segments] == ["Good morning.", "How are you?"]
    assert [[word.text for word in one.words] for one in found.segments] == [
        ["Good", "morning"],
        ["How", "are", "you"],
    ]


async def test_words_may_stand_inside(tmp_path: Path) -> None:
    """With what the server thinks of them."""
    found = await transcribed(tmp_path, answers(SPEACHES), REQUEST)
    (word,) = found.words
    assert (word.text, word.start_ms, word.end_ms, word.confidence) == ("Hi.", 100, 500, 0.75)


@pytest.mark.parametrize(
    ("body", "segments"),
    [
        ({"text": " Hi. "}, 1),
        ({"text": ""}, 0),
        ({"text": "Hi.", "duration": "1.5", "segments": []}, 1),
        ({"text": "Hi.", "words": [{"word": "Hi.", "start": 0, "end": 1}]}, 1),
    ],
)
async def test_less_is_enough(tmp_path: Path, body: dict[str, Any], segments: int) -> None:
    """Servers leave out times, segments, or everything but the text."""
    found = await transcribed(tmp_path, answers(body), REQUEST)
    assert len(found.segments) == segments
    assert found.text == body["text"].strip()


@pytest.mark.parametrize("body", [b"", b"null", b"{}", b'{"text": 1}', b"<html>", b"\xff"])
async def test_what_is_no_transcript_is_a_failure(tmp_path: Path, body: bytes) -> None:
    """Nobody gets nonsense for his credit."""
    with pytest.raises(EngineFailed):
        await transcribed(tmp_path, lambda _: httpx.Response(200, content=body), REQUEST)


async def test_a_wrong_key_switches_it_off(tmp_path: Path) -> None:
    """Which the operator hears in words that say where to look."""
    with pytest.raises(EngineOff, match=r"engines\.openai_compatible answered 401"):
        await transcribed(tmp_path, answers({}, 401), REQUEST)


async def test_a_part_that_is_gone_is_a_failure() -> None:
    """Of this attempt."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=json.dumps(OPENAI)))
    async with open_openai_compatible(SETTINGS, transport) as engine:
        assert engine.part_seconds_max == 600
        with pytest.raises(EngineFailed):
            await engine.transcribe(Path("/nothing/at.all"), REQUEST, lambda _: None)


async def test_speakers_are_not_its_business() -> None:
    """Which is said before anything is sent."""
    async with open_openai_compatible(SETTINGS) as engine:
        refusal = engine.refusal(FileRequest("whisper-1", diarise=True))
        assert refusal is not None
        assert refusal.key == "diarise"
        assert engine.refusal(REQUEST) is None
