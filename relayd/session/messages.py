"""The wire protocol between app and relay: parsed and formatted, nothing sent.

Parsing never raises on what a client sends; what can't be understood is a value too.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import attrs

from relayd.durations import seconds
from relayd.speech.words import SpeechStarted, Transcript, UpstreamEvent, UtteranceEnd, Word

__all__ = [
    "Auth",
    "ClientMessage",
    "Finalize",
    "KeepAlive",
    "Malformed",
    "Stop",
    "credits_low",
    "error",
    "parse",
    "ready",
    "result",
    "session_end",
]


@attrs.frozen
class Auth:
    """The first message: an access token, and how the audio shall be transcribed."""

    token: str = attrs.field(repr=False)
    config: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Finalize:
    """Transcribe what was sent so far; the stream goes on."""


@attrs.frozen
class KeepAlive:
    """No audio for now, but the app is there."""


@attrs.frozen
class Stop:
    """No more audio: deliver the last words and end."""


@attrs.frozen
class Malformed:
    """Text that is none of the above; ``problem`` says why, without repeating it."""

    problem: str


ClientMessage = Auth | Finalize | KeepAlive | Stop | Malformed

# `json.dumps` with separators makes an encoder for every call.
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"))

_CONTROLS: Final[Mapping[str, ClientMessage]] = {
    "finalize": Finalize(),
    "keepalive": KeepAlive(),
    "stop": Stop(),
    # The names that Deepgram's own clients send.
    "Finalize": Finalize(),
    "KeepAlive": KeepAlive(),
    "CloseStream": Stop(),
}


def parse(text: str) -> ClientMessage:
    """Understand one text message of a client."""
    try:
        message = json.loads(text)
    # A number of a million digits is a ValueError, a million brackets a RecursionError.
    except (ValueError, RecursionError):
        return Malformed("The message is not valid JSON.")
    if not isinstance(message, dict):
        return Malformed("The message is not a JSON object.")
    kind = message.get("type")
    if not isinstance(kind, str):
        return Malformed('The message has no "type".')
    if kind == "auth":
        return _parse_auth(message)
    return _CONTROLS.get(kind) or Malformed(
        "The message type is unknown; expected finalize, keepalive or stop."
    )


def _parse_auth(message: Mapping[str, Any]) -> Auth | Malformed:
    token = message.get("token")
    config = message.get("config")
    if not isinstance(token, str):
        return Malformed('The auth message has no "token".')
    if config is None:
        return Auth(token)
    if not isinstance(config, dict):
        return Malformed('The "config" of the auth message is not an object.')
    return Auth(token, config)


def ready(session_id: str, engine: str, model: str, remaining_ms: int) -> str:
    """The engine is open: send audio now."""
    return _format(
        "ready",
        session_id=session_id,
        engine=engine,
        model=model,
        seconds_remaining=seconds(remaining_ms),
    )


def result(event: UpstreamEvent) -> str:
    """A transcript, or a mark of the voice activity detection."""
    match event:
        case Transcript():
            return _transcript(event)
        case SpeechStarted():
            return _format("speech_started", timestamp=event.timestamp)
        case UtteranceEnd():
            return _format("utterance_end", last_word_end=event.last_word_end)


def credits_low(remaining_ms: int) -> str:
    """The credit fell to one of the configured levels."""
    return _format("credits_low", seconds_remaining=seconds(remaining_ms))


def error(code: str, wording: str, *, fatal: bool) -> str:
    """Something went wrong; a fatal one is followed by the end of the session."""
    return _format("error", code=code, message=wording, fatal=fatal)


def session_end(used_ms: int, reason: str, remaining_ms: int | None) -> str:
    """The last message; the credit left is null where the accounts can't be reached."""
    return _format(
        "session_end",
        seconds_used=seconds(used_ms),
        reason=reason,
        seconds_remaining=None if remaining_ms is None else seconds(remaining_ms),
    )


def _transcript(event: Transcript) -> str:
    fields: dict[str, Any] = {
        "text": event.text,
        "is_final": event.is_final,
        "confidence": event.confidence,
        "start": event.start,
        "duration": event.duration,
        "speech_final": event.speech_final,
    }
    if event.words:
        fields["words"] = [_word(word) for word in event.words]
    if event.channel is not None:
        fields["channel"] = event.channel
    if event.from_finalize:
        fields["from_finalize"] = True
    return _format("transcript", **fields)


def _word(word: Word) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "word": word.word,
        "start": word.start,
        "end": word.end,
        "confidence": word.confidence,
    }
    if word.punctuated_word is not None:
        fields["punctuated_word"] = word.punctuated_word
    if word.speaker is not None:
        fields["speaker"] = word.speaker
    return fields


def _format(kind: str, **fields: Any) -> str:
    # ASCII escapes keep a lone surrogate of an engine from breaking the UTF-8 on the wire.
    return _ENCODER.encode({"type": kind, **fields})
