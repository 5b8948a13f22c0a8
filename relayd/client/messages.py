"""The wire protocol as an app sees it, without I/O: parse what the server says, format what we say.

Fields and message types may be added by any later server, so nothing here is strict: what is
missing or of another type gets its default, what is unknown becomes `Unknown`.
"""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

__all__ = [
    "FINALIZE",
    "KEEPALIVE",
    "STOP",
    "CreditsLow",
    "Error",
    "Interrupted",
    "Lost",
    "Message",
    "Ready",
    "Resumed",
    "SessionEnd",
    "SpeechStarted",
    "Transcript",
    "Unknown",
    "UtteranceEnd",
    "Word",
    "auth",
    "parse",
    "received",
]

FINALIZE: Final = '{"type":"finalize"}'
KEEPALIVE: Final = '{"type":"keepalive"}'
STOP: Final = '{"type":"stop"}'


@attrs.frozen
class Ready:
    """The engine is open: send audio. ``seconds_remaining`` is the credit.

    ``rate``: milliseconds of credit that a second of audio costs with this model.
    """

    session_id: str
    engine: str
    model: str
    seconds_remaining: float
    rate: int = 1000
    # With what the session is resumed after its connection broke, and for how long; empty and 0
    # where it can't be.
    resume_token: str = ""
    resume_seconds: float = 0.0

    def left_after(self, audio_seconds: float) -> float:
        """The credit that is left once so much audio was sent, where nothing else uses it."""
        return self.seconds_remaining - audio_seconds * self.rate / 1000


@attrs.frozen
class Resumed(Ready):
    """The session goes on over this connection; ``taken`` bytes of its audio were taken."""

    taken: int = 0


@attrs.frozen
class Interrupted:
    """The connection was lost, and another one is being tried. No server says this."""

    problem: str


@attrs.frozen
class Lost:
    """So much audio was too old to be sent again after a cut. No server says this."""

    seconds: float


@attrs.frozen
class Word:
    """One recognised word; ``start`` and ``end`` are seconds into the audio."""

    word: str
    start: float
    end: float
    confidence: float
    punctuated_word: str | None = None
    speaker: int | None = None

    @property
    def text(self) -> str:
        """The word as it should be shown."""
        return self.punctuated_word or self.word

    def later_by(self, seconds: float) -> "Word":
        """The same so much later in the audio."""
        return attrs.evolve(self, start=self.start + seconds, end=self.end + seconds)


@attrs.frozen
class Transcript:
    """What was said in ``[start, start + duration)`` seconds of the audio.

    Interim results (``is_final`` false) are restated until a final one replaces them.
    ``speech_final``: the speaker paused here.
    """

    text: str
    is_final: bool
    speech_final: bool
    confidence: float
    start: float
    duration: float
    words: tuple[Word, ...] = ()
    channel: int | None = None
    from_finalize: bool = False
    # Both for a session that can be resumed: its number, if it lasts, and the audio that was taken.
    number: int | None = None
    taken: int | None = None

    def later_by(self, seconds: float) -> "Transcript":
        """The same so much later in the audio."""
        words = tuple(word.later_by(seconds) for word in self.words)
        return attrs.evolve(self, start=self.start + seconds, words=words)


@attrs.frozen
class CreditsLow:
    """The credit fell below one of the server's levels."""

    seconds_remaining: float


@attrs.frozen
class Error:
    """A complaint; a fatal one is followed by the end of the session."""

    code: str
    message: str
    fatal: bool


@attrs.frozen
class SessionEnd:
    """The last message: why it ended, what was charged, what is left.

    ``seconds_remaining`` is None where the server can't reach its accounts.
    """

    reason: str
    seconds_used: float
    seconds_remaining: float | None
    # Bytes of audio that the session took, where it could be resumed.
    taken: int | None = None


@attrs.frozen
class SpeechStarted:
    """Somebody began to speak at this second of the audio."""

    timestamp: float
    number: int | None = None
    taken: int | None = None

    def later_by(self, seconds: float) -> "SpeechStarted":
        """The same so much later in the audio."""
        return attrs.evolve(self, timestamp=self.timestamp + seconds)


@attrs.frozen
class UtteranceEnd:
    """No word followed the one that ended at this second of the audio."""

    last_word_end: float
    number: int | None = None
    taken: int | None = None

    def later_by(self, seconds: float) -> "UtteranceEnd":
        """The same so much later in the audio."""
        return attrs.evolve(self, last_word_end=self.last_word_end + seconds)


@attrs.frozen
class Unknown:
    """Something this version does not know; ``type`` is empty if it wasn't even a message."""

    type: str


Message = (
    Ready
    | Interrupted
    | Lost
    | Transcript
    | CreditsLow
    | Error
    | SessionEnd
    | SpeechStarted
    | UtteranceEnd
    | Unknown
)


def auth(token: str, config: Mapping[str, Any], resume: bool | Mapping[str, Any] = False) -> str:
    """The first message of every connection; ``resume`` is `Resumption.opening`'s."""
    message: dict[str, Any] = {"type": "auth", "token": token, "config": dict(config)}
    if resume:
        message["resume"] = resume
    return json.dumps(message)


def received(number: int) -> str:
    """Every numbered result up to this one has arrived."""
    return json.dumps({"type": "received", "number": number})


def parse(text: str | bytes) -> Message:
    """Understand one server message. Never raises."""
    try:
        # Audio never comes down, and nesting beyond the decoder's depth is no message either.
        body = None if isinstance(text, bytes) else json.loads(text)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        return Unknown("")
    kind = _string(body, "type")
    build = _BUILDERS.get(kind)
    return Unknown(kind) if build is None else build(body)


def _ready(body: dict[str, Any]) -> Ready:
    return Ready(
        session_id=_string(body, "session_id"),
        engine=_string(body, "engine"),
        model=_string(body, "model"),
        seconds_remaining=_number(body, "seconds_remaining"),
        # Servers before rates sold a second for a second.
        rate=_integer(body, "rate") or 1000,
        resume_token=_string(body, "resume_token"),
        resume_seconds=_number(body, "resume_seconds"),
    )


def _resumed(body: dict[str, Any]) -> Resumed:
    return Resumed(**attrs.asdict(_ready(body)), taken=_integer(body, "taken") or 0)


def _transcript(body: dict[str, Any]) -> Transcript:
    words = body.get("words")
    return Transcript(
        text=_string(body, "text"),
        is_final=body.get("is_final") is True,
        speech_final=body.get("speech_final") is True,
        confidence=_number(body, "confidence"),
        start=_number(body, "start"),
        duration=_number(body, "duration"),
        words=tuple(_word(word) for word in words if isinstance(word, dict))
        if isinstance(words, list)
        else (),
        channel=_integer(body, "channel"),
        from_finalize=body.get("from_finalize") is True,
        number=_integer(body, "number"),
        taken=_integer(body, "taken"),
    )


def _word(body: dict[str, Any]) -> Word:
    return Word(
        word=_string(body, "word"),
        start=_number(body, "start"),
        end=_number(body, "end"),
        confidence=_number(body, "confidence"),
        punctuated_word=_string(body, "punctuated_word") or None,
        speaker=_integer(body, "speaker"),
    )


def _error(body: dict[str, Any]) -> Error:
    return Error(
        code=_string(body, "code"),
        message=_string(body, "message"),
        fatal=body.get("fatal") is True,
    )


def _session_end(body: dict[str, Any]) -> SessionEnd:
    return SessionEnd(
        reason=_string(body, "reason"),
        seconds_used=_number(body, "seconds_used"),
        seconds_remaining=_number_or_none(body, "seconds_remaining"),
        taken=_integer(body, "taken"),
    )


def _credits_low(body: dict[str, Any]) -> CreditsLow:
    return CreditsLow(_number(body, "seconds_remaining"))


def _speech_started(body: dict[str, Any]) -> SpeechStarted:
    number, taken = _integer(body, "number"), _integer(body, "taken")
    return SpeechStarted(_number(body, "timestamp"), number, taken)


def _utterance_end(body: dict[str, Any]) -> UtteranceEnd:
    number, taken = _integer(body, "number"), _integer(body, "taken")
    return UtteranceEnd(_number(body, "last_word_end"), number, taken)


_BUILDERS: Final[dict[str, Callable[[dict[str, Any]], Message]]] = {
    "ready": _ready,
    "resumed": _resumed,
    "transcript": _transcript,
    "credits_low": _credits_low,
    "error": _error,
    "session_end": _session_end,
    "speech_started": _speech_started,
    "utterance_end": _utterance_end,
}


def _string(body: dict[str, Any], key: str) -> str:
    value = body.get(key)
    return value if isinstance(value, str) else ""


def _number(body: dict[str, Any], key: str) -> float:
    return _number_or_none(body, key) or 0.0


def _number_or_none(body: dict[str, Any], key: str) -> float | None:
    value = body.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _integer(body: dict[str, Any], key: str) -> int | None:
    value = body.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
