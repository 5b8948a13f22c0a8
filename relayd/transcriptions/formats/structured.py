"""For programs: JSON, with the fields of OpenAI's ``json`` and ``verbose_json`` and some more.

Times are seconds, as there (https://platform.openai.com/docs/api-reference/audio).
"""

from typing import Any

import msgspec

from relayd.speech.document import Document, Segment, TimedWord

__all__ = ["json", "verbose_json"]


def json(document: Document) -> str:
    """The text, and what it was made from."""
    seconds = document.duration_ms / 1000
    return _written({"text": document.text, "duration_seconds": seconds, **_about(document)})


def verbose_json(document: Document) -> str:
    """Segments and words with their times; what the engine didn't tell is left out."""
    return _written(
        {
            "task": "transcribe",
            "text": document.text,
            "duration": document.duration_ms / 1000,
            **_about(document),
            "segments": [
                {"id": number, **_segment(segment)}
                for number, segment in enumerate(document.segments)
            ],
            "words": [
                _word(word, segment) for segment in document.segments for word in segment.words
            ],
        }
    )


def _about(document: Document) -> dict[str, Any]:
    return {
        "language": document.language or None,
        "model": document.model,
    }


def _segment(segment: Segment) -> dict[str, Any]:
    return {
        "start": segment.start_ms / 1000,
        "end": segment.end_ms / 1000,
        "text": segment.text,
        **_known(speaker=segment.speaker, channel=segment.channel),
    }


def _word(word: TimedWord, segment: Segment) -> dict[str, Any]:
    return {
        "word": word.text,
        "start": word.start_ms / 1000,
        "end": word.end_ms / 1000,
        **_known(confidence=word.confidence, speaker=word.speaker, channel=segment.channel),
    }


def _known(**fields: float | None) -> dict[str, float]:
    return {name: value for name, value in fields.items() if value is not None}


def _written(fields: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(fields), indent=2).decode() + "\n"
