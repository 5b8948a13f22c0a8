"""Deepgram's wire protocol without I/O: query strings out, server messages in.

Written for the Deepgram of today and tomorrow: unknown message types and unknown fields are
passed over, and a field of the wrong type costs that message, never the stream. Source:
Deepgram's AsyncAPI description of ``/v1/listen`` and its "Live streaming" pages.
"""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import attrs

from relayd.session.ports import (
    SpeechStarted,
    StreamPlan,
    Transcript,
    UpstreamEvent,
    UtteranceEnd,
    Word,
)

__all__ = [
    "CLOSE_STREAM",
    "FINALIZE",
    "KEEP_ALIVE",
    "Heard",
    "Metadata",
    "Notice",
    "ServerMessage",
    "Unreadable",
    "parse",
    "query",
]

# Text frames: as binary they would be taken for audio.
KEEP_ALIVE: Final = '{"type":"KeepAlive"}'
FINALIZE: Final = '{"type":"Finalize"}'
CLOSE_STREAM: Final = '{"type":"CloseStream"}'

# A figure beyond this (115 days) is not a position in a stream but a fault.
_SECONDS_MAX: Final = 10_000_000.0

# What of an error's text goes into the operator's log.
_DESCRIPTION_CHARACTERS: Final = 300


@attrs.frozen
class Metadata:
    """The engine's last word on a stream: seconds of audio it heard, on each channel."""

    duration: float
    request_id: str


@attrs.frozen
class Notice:
    """An ``Error`` or ``Warning`` frame; the stream goes on after it.

    Its ``message`` field, an echo of what was sent, is left out: it may be somebody's words.
    """

    kind: str
    variant: str
    description: str


@attrs.frozen
class Unreadable:
    """A message of unknown type, or one that is not what its type promises."""

    problem: str


ServerMessage = UpstreamEvent | Metadata | Notice | Unreadable


def query(plan: StreamPlan) -> str:
    """The query string that asks for this plan; repeated options repeat their key."""
    audio = plan.format
    pairs = [
        ("model", plan.model),
        ("encoding", audio.encoding),
        ("sample_rate", str(audio.sample_rate)),
        ("channels", str(audio.channels)),
    ]
    if audio.multichannel:
        pairs.append(("multichannel", "true"))
    if plan.interim_results:
        pairs.append(("interim_results", "true"))
    pairs += [(key, value) for key, values in plan.options.items() for value in values]
    return urlencode(pairs, quote_via=quote)


def parse(raw: str | bytes) -> ServerMessage:
    """Read one server message. Never raises."""
    if isinstance(raw, bytes):
        return Unreadable("a binary message")
    try:
        message = json.loads(raw)
    except (ValueError, RecursionError):
        return Unreadable("not JSON")
    if not isinstance(message, dict):
        return Unreadable("not a JSON object")
    kind = message.get("type")
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        return Unreadable(f"unknown type {ascii(kind)[:40]}")
    try:
        return reader(message)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        return Unreadable(f"a malformed {kind}: {type(error).__name__}")


def _results(message: Mapping[str, Any]) -> Transcript:
    best = message["channel"]["alternatives"][0]
    index, channels = (*message.get("channel_index", (0, 1)), 1)[:2]
    return Transcript(
        text=_text(best["transcript"]),
        is_final=message.get("is_final") is True,
        speech_final=message.get("speech_final") is True,
        confidence=_number(best.get("confidence", 0.0)),
        start=_seconds(message["start"]),
        duration=_seconds(message["duration"]),
        words=tuple(map(_word, best.get("words") or ())),
        channel=_whole(index) if _whole(channels) > 1 else None,
        from_finalize=message.get("from_finalize") is True,
    )


def _word(word: Mapping[str, Any]) -> Word:
    punctuated = word.get("punctuated_word")
    speaker = word.get("speaker")
    return Word(
        word=_text(word["word"]),
        start=_seconds(word["start"]),
        end=_seconds(word["end"]),
        confidence=_number(word.get("confidence", 0.0)),
        punctuated_word=None if punctuated is None else _text(punctuated),
        speaker=None if speaker is None else _whole(speaker),
    )


def _speech_started(message: Mapping[str, Any]) -> SpeechStarted:
    return SpeechStarted(_seconds(message["timestamp"]))


def _utterance_end(message: Mapping[str, Any]) -> UtteranceEnd:
    # -1 is documented for an utterance that was already closed.
    return UtteranceEnd(_number(message["last_word_end"]))


def _metadata(message: Mapping[str, Any]) -> Metadata:
    return Metadata(_seconds(message["duration"]), _text(message.get("request_id", "")))


def _notice(message: Mapping[str, Any]) -> Notice:
    # The description of a bad message quotes the tag it could not read, and nothing else.
    description = message.get("description") or message.get("err_msg") or ""
    variant = message.get("variant") or message.get("code") or ""
    return Notice(
        str(message["type"]),
        str(variant)[:_DESCRIPTION_CHARACTERS],
        str(description)[:_DESCRIPTION_CHARACTERS],
    )


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], ServerMessage]]] = {
    "Results": _results,
    "SpeechStarted": _speech_started,
    "UtteranceEnd": _utterance_end,
    "Metadata": _metadata,
    "Error": _notice,
    "Warning": _notice,
}


def _text(value: object) -> str:
    """A string that can be sent on: JSON may hold half a surrogate pair, UTF-8 may not."""
    if not isinstance(value, str):
        raise TypeError
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def _number(value: object) -> float:
    """A finite number: JSON readers also let ``NaN`` and ``1e999`` through."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    if not math.isfinite(value) or abs(value) > _SECONDS_MAX:
        raise ValueError
    return float(value)


def _seconds(value: object) -> float:
    return max(_number(value), 0.0)


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    return value


@attrs.define(eq=False)
class Heard:
    """The engine's own figure of the audio it heard: a high-water mark, never a sum.

    Interim results restate the whole open window and a final may end before the last interim
    did, so durations must not be added up. Each connection has its own timeline.
    """

    billed_channels: int
    seen_end: float | None = None
    total: float | None = None

    def note(self, message: ServerMessage) -> None:
        """Take a message into account."""
        if isinstance(message, Transcript):
            end = message.start + message.duration
            self.seen_end = end if self.seen_end is None else max(self.seen_end, end)
        elif isinstance(message, Metadata):
            self.total = message.duration

    @property
    def milliseconds(self) -> int | None:
        """What it comes to; ``Metadata`` says it finally. None while nothing was said."""
        seconds = self.seen_end if self.total is None else self.total
        return None if seconds is None else round(seconds * 1000) * self.billed_channels
