"""Deepgram's wire protocol without I/O: query strings out, server messages in.

Written for the Deepgram of today and tomorrow: unknown message types and unknown fields are
passed over, and a field of the wrong type costs that message, never the stream. Source:
Deepgram's AsyncAPI description of ``/v1/listen`` and its "Live streaming" pages.
"""

import json
from typing import Annotated, Any, ClassVar, Final
from urllib.parse import quote, urlencode

import attrs
import msgspec

from relayd.speech.plan import StreamPlan
from relayd.speech.words import (
    Seconds,
    SpeechStarted,
    Transcript,
    UpstreamEvent,
    UtteranceEnd,
    Word,
)

__all__ = [
    "CLOSE_STREAM",
    "FINALIZE",
    "KEEP_ALIVE",
    "HeardAudio",
    "Metadata",
    "Notice",
    "ServerMessage",
    "UnreadableMessage",
    "parse",
    "query",
]

# Text frames: as binary they would be taken for audio.
KEEP_ALIVE: Final = '{"type":"KeepAlive"}'
FINALIZE: Final = '{"type":"Finalize"}'
CLOSE_STREAM: Final = '{"type":"CloseStream"}'

# What of an error's text goes into the operator's log.
_DESCRIPTION_CHARACTERS: Final = 300
_PROBLEM_CHARACTERS: Final = 100


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
class UnreadableMessage:
    """A message of unknown type, or one that is not what its type promises."""

    problem: str


ServerMessage = UpstreamEvent | Metadata | Notice | UnreadableMessage


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


class _Message(msgspec.Struct, tag_field="type"):
    """What Deepgram sends: of each message the fields that are used here."""

    def read(self) -> ServerMessage:
        """What it says. Raises `ValueError` where that can't be."""
        raise NotImplementedError


class _Alternative(msgspec.Struct):
    transcript: str
    confidence: Seconds = 0.0
    words: tuple[Word, ...] | None = None


class _Channel(msgspec.Struct):
    alternatives: Annotated[list[_Alternative], msgspec.Meta(min_length=1)]


class _Results(_Message, tag="Results"):
    channel: _Channel
    start: Seconds
    duration: Seconds
    channel_index: tuple[int, ...] = (0, 1)
    # True, or whatever else stands for no.
    is_final: object = False
    speech_final: object = False
    from_finalize: object = False

    def read(self) -> Transcript:
        best = self.channel.alternatives[0]
        which = self.channel_index
        return Transcript(
            best.transcript,
            self.is_final is True,
            self.speech_final is True,
            best.confidence,
            self.start if self.start > 0 else 0.0,
            self.duration if self.duration > 0 else 0.0,
            _from_zero(best.words or ()),
            which[0] if len(which) > 1 and which[1] > 1 else None,
            self.from_finalize is True,
        )


def _from_zero(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """The same words; what begins before the beginning, which only the first can, begins there."""
    if not words or words[0].start >= 0:
        return words
    return tuple(
        msgspec.structs.replace(word, start=max(word.start, 0.0), end=max(word.end, 0.0))
        for word in words
    )


class _SpeechStarted(_Message, tag="SpeechStarted"):
    timestamp: Seconds

    def read(self) -> SpeechStarted:
        return SpeechStarted(max(self.timestamp, 0.0))


class _UtteranceEnd(_Message, tag="UtteranceEnd"):
    # -1 is documented for an utterance that was already closed.
    last_word_end: Seconds

    def read(self) -> UtteranceEnd:
        return UtteranceEnd(self.last_word_end)


class _Metadata(_Message, tag="Metadata"):
    duration: Seconds
    request_id: str = ""

    def read(self) -> Metadata:
        return Metadata(max(self.duration, 0.0), self.request_id)


class _ErrorNotice(_Message, tag="Error"):
    kind: ClassVar[str] = "Error"
    description: Any = None
    err_msg: Any = None
    variant: Any = None
    code: Any = None

    def read(self) -> Notice:
        # The description of a bad message quotes the tag it could not read, and nothing else.
        description = self.description or self.err_msg or ""
        variant = self.variant or self.code or ""
        return Notice(
            self.kind,
            str(variant)[:_DESCRIPTION_CHARACTERS],
            str(description)[:_DESCRIPTION_CHARACTERS],
        )


class _WarningNotice(_ErrorNotice, tag="Warning"):
    kind: ClassVar[str] = "Warning"


_DECODER: Final = msgspec.json.Decoder(
    _Results | _SpeechStarted | _UtteranceEnd | _Metadata | _ErrorNotice | _WarningNotice
)


def parse(raw: str | bytes) -> ServerMessage:
    """Read one server message. Never raises."""
    if isinstance(raw, bytes):
        return UnreadableMessage("a binary message")
    try:
        return _decode(raw).read()
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        # It names a field and what was expected there; of what stood there only the type.
        return UnreadableMessage(ascii(str(error))[:_PROBLEM_CHARACTERS])


def _decode(raw: str) -> _Message:
    try:
        message: _Message = _DECODER.decode(raw)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        # JSON may name half a surrogate pair, UTF-8 can't carry one: a word with "?" is better
        # than no words.
        mended = json.dumps(json.loads(raw), ensure_ascii=False).encode("utf-8", "replace")
        message = _DECODER.decode(mended)
    return message


@attrs.define(eq=False)
class HeardAudio:
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
