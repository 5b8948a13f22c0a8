"""From 16 kHz samples to words on the stream's timeline, whichever model finds the words.

Runs in the process of the stream. An end-pointer cuts the sound into utterances, a decoder
turns each into words; here they get their place in time and become results. Where utterances
begin and end is driven by the audio's own clock in frames of a fixed size, never by wall time or
by how the audio was cut, so the same audio gives the same final words however it arrives.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import attrs

from relayd.engines.local.audio import MODEL_RATE

__all__ = ["Endpointer", "HeardWord", "Listening", "Model", "Recogniser"]

SAMPLE_BYTES: Final = 2

Emit = Callable[[dict[str, Any]], None]


@attrs.frozen
class Listening:
    """What one stream asked for.

    ``endpointing``: a result says that the speaker paused. ``endpointing_ms``: for how long he
    must; None leaves that to the model.
    """

    interim_results: bool = True
    endpointing: bool = True
    endpointing_ms: int | None = None
    vad_events: bool = False
    utterance_end_ms: int | None = None
    # With punctuation and capitals, where the model writes them.
    punctuated: bool = True


@attrs.frozen
class HeardWord:
    """One word; ``start`` and ``end`` are seconds from where its utterance began."""

    word: str
    start: float
    end: float
    confidence: float = 0.0
    punctuated_word: str | None = None


class Endpointer(Protocol):
    """Tells speech from silence, frame by frame. Modelled on pocketsphinx's."""

    @property
    def frame_bytes(self) -> int:
        """The size of every frame."""

    @property
    def in_speech(self) -> bool:
        """Whether the last frame belonged to an utterance that goes on."""

    @property
    def speech_start(self) -> float:
        """Where the last utterance began, in seconds since this end-pointer's first sample."""

    def process(self, frame: bytes) -> bytes | None:
        """What of the sound is known to be speech now (decisions lag); None for silence."""

    def end_stream(self, rest: bytes) -> bytes | None:
        """The last speech, where ``rest``, less than a frame and not empty, is all that follows."""


class Model(Protocol):
    """A loaded model that serves one stream: its end-pointers, and a decoder of utterances."""

    @property
    def utterance_seconds_max(self) -> int:
        """Speech without a pause is cut after so long: memory and the last pass grow with it."""

    def endpointer(self, listening: Listening) -> Endpointer:
        """Make an end-pointer that listens from now on."""

    def begin(self) -> None:
        """An utterance follows."""

    def hear(self, speech: bytes) -> None:
        """Take linear16 samples of the utterance."""

    def partial(self) -> Sequence[HeardWord] | None:
        """The words so far; None where it is not yet time to look."""

    def cut(self) -> bytes:
        """Take away and return the end of an utterance that grew too long, or nothing of it.

        The next utterance begins with it.
        """

    def end(self, *, hurried: bool) -> Sequence[HeardWord]:
        """All words of the utterance. ``hurried``: the app waits for them, so no long last look."""


class Recogniser:
    """One stream: samples in, events out through ``emit`` as JSON objects."""

    def __init__(self, model: Model, listening: Listening, emit: Emit) -> None:
        self._model = model
        self._listening = listening
        self._emit = emit
        self._pending = bytearray()
        # All in samples from the stream's first: where the present end-pointer began to listen,
        # how far it was fed, and the utterance being decoded.
        self._listening_from = 0
        self._heard = 0
        self._utterance_start = 0
        self._utterance_samples = 0
        self._in_utterance = False
        self._partial_text = ""
        self._last_word_end: float | None = None
        self._endpointer = model.endpointer(listening)

    def feed(self, samples: bytes) -> None:
        """Take linear16 samples of any number."""
        self._pending += samples
        size = self._endpointer.frame_bytes
        whole = len(self._pending) - len(self._pending) % size
        for start in range(0, whole, size):
            self._hear(bytes(self._pending[start : start + size]))
        del self._pending[:whole]

    def finalize(self) -> None:
        """Say the rest of what was heard as final, and go on listening."""
        self._end_early(from_finalize=True)

    def finish(self) -> None:
        """Say the rest; nothing follows."""
        self._end_early(from_finalize=False)

    def _hear(self, frame: bytes) -> None:
        was_speech = self._endpointer.in_speech
        speech = self._endpointer.process(frame)
        self._heard += len(frame) // SAMPLE_BYTES
        if speech is None:
            self._note_silence()
            return
        if not was_speech:
            start = round(self._endpointer.speech_start * MODEL_RATE)
            self._begin(self._listening_from + start)
            if self._listening.vad_events:
                self._emit({"speech_started": _seconds(self._utterance_start)})
        self._decode(speech)
        if not self._endpointer.in_speech:
            self._end(speech_final=self._listening.endpointing)
        elif self._utterance_samples >= self._model.utterance_seconds_max * MODEL_RATE:
            self._cut()

    def _begin(self, start: int) -> None:
        assert not self._in_utterance
        self._model.begin()
        self._in_utterance = True
        self._utterance_start = start
        self._utterance_samples = 0
        self._partial_text = ""

    def _decode(self, speech: bytes) -> None:
        self._model.hear(speech)
        self._utterance_samples += len(speech) // SAMPLE_BYTES
        if self._listening.interim_results and (heard := self._model.partial()) is not None:
            words = [self._placed(word) for word in heard]
            text = _text(words)
            if text and text != self._partial_text:
                self._partial_text = text
                self._say(words, is_final=False)

    def _end(
        self, *, speech_final: bool, from_finalize: bool = False, hurried: bool = False
    ) -> None:
        assert self._in_utterance
        words = [self._placed(word) for word in self._model.end(hurried=hurried)]
        self._in_utterance = False
        if words:
            self._last_word_end = words[-1]["end"]
        # Also without a word: it takes back the partial results that were said.
        self._say(words, is_final=True, speech_final=speech_final, from_finalize=from_finalize)

    def _cut(self) -> None:
        """End the utterance although the speaker goes on."""
        rest = self._model.cut()
        self._utterance_samples -= len(rest) // SAMPLE_BYTES
        self._end(speech_final=False)
        self._begin(self._utterance_start + self._utterance_samples)
        self._model.hear(rest)
        self._utterance_samples += len(rest) // SAMPLE_BYTES

    def _end_early(self, *, from_finalize: bool) -> None:
        rest = bytes(self._pending)
        self._pending.clear()
        self._heard += len(rest) // SAMPLE_BYTES
        if self._in_utterance:
            # It fails on nothing at all: a sample of silence says the same.
            speech = self._endpointer.end_stream(rest or bytes(SAMPLE_BYTES))
            if speech:
                self._model.hear(speech)
                self._utterance_samples += len(speech) // SAMPLE_BYTES
            self._end(speech_final=False, from_finalize=from_finalize, hurried=True)
        elif from_finalize:
            self._utterance_start, self._utterance_samples = self._heard, 0
            self._say([], is_final=True, from_finalize=True)
        self._endpointer = self._model.endpointer(self._listening)
        self._listening_from = self._heard

    def _note_silence(self) -> None:
        limit_ms = self._listening.utterance_end_ms
        if limit_ms is None or self._last_word_end is None:
            return
        if _seconds(self._heard) - self._last_word_end >= limit_ms / 1000:
            self._emit({"utterance_end": self._last_word_end})
            self._last_word_end = None

    def _placed(self, word: HeardWord) -> dict[str, Any]:
        """The word on the stream's timeline, kept inside its utterance."""
        start = _seconds(self._utterance_start)
        end = _seconds(self._utterance_start + self._utterance_samples)
        placed: dict[str, Any] = {
            "word": word.word,
            "start": round(min(start + word.start, end), 3),
            "end": round(min(start + word.end, end), 3),
            "confidence": round(min(max(word.confidence, 0.0), 1.0), 4),
        }
        if word.punctuated_word is not None and self._listening.punctuated:
            placed["punctuated_word"] = word.punctuated_word
        return placed

    def _say(
        self,
        words: list[dict[str, Any]],
        *,
        is_final: bool,
        speech_final: bool = False,
        from_finalize: bool = False,
    ) -> None:
        confidences = [word["confidence"] for word in words]
        mean = sum(confidences) / len(confidences) if confidences else 0.0
        self._emit(
            {
                "text": _text(words),
                "is_final": is_final,
                "speech_final": speech_final,
                "from_finalize": from_finalize,
                "confidence": round(mean, 4),
                "start": _seconds(self._utterance_start),
                "duration": _seconds(self._utterance_samples),
                "words": words,
            }
        )


def _text(words: list[dict[str, Any]]) -> str:
    return " ".join(word.get("punctuated_word", word["word"]) for word in words)


def _seconds(samples: int) -> float:
    return round(samples / MODEL_RATE, 3)
