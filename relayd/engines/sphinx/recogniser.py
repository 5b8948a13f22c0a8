"""From 16 kHz samples to words on the stream's timeline: end-pointing, decoding, clean-up.

Runs in the recogniser process. Everything is driven by the audio's own clock in frames of a
fixed size, never by wall time or by how the audio was cut, so the same audio gives the same
words however it arrives.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import attrs

from relayd.engines.sphinx.audio import MODEL_RATE

__all__ = ["Listening", "Recogniser", "clean_word", "load_decoder"]

SAMPLE_BYTES: Final = 2

# The model's own frames, in which it says where a word begins and ends.
MODEL_FRAMES_PER_SECOND: Final = 100

# A partial result is looked for this often: ten end-pointer frames of 30 ms.
PARTIAL_FRAMES: Final = 10

# The decoder's lattice grows with the utterance and its last pass takes 5 % of it, so speech
# without a pause is cut here: 20 s are some 10 MiB and 1 s.
UTTERANCE_SECONDS_MAX: Final = 20

Emit = Callable[[dict[str, Any]], None]


@attrs.frozen
class Listening:
    """What one stream asked for. ``endpointing_ms`` None: no result claims an endpoint."""

    interim_results: bool = True
    endpointing_ms: int | None = 300
    vad_events: bool = False
    utterance_end_ms: int | None = None

    @property
    def window_seconds(self) -> float:
        """How long the end-pointer looks: it needs six frames of 30 ms; above 2 s it delays."""
        return min(max((self.endpointing_ms or 300) / 1000, 0.2), 2.0)


def load_decoder() -> Any:
    """Load the English model that pocketsphinx brings (0.3 s, about 100 MiB)."""
    import pocketsphinx  # type: ignore[import-untyped]  # noqa: PLC0415 - an optional package

    return pocketsphinx.Decoder(samprate=MODEL_RATE, loglevel="FATAL")


def clean_word(word: str) -> str | None:
    """Return the word without the number of its pronunciation; None for a noise or a silence."""
    if word.startswith(("<", "[", "+")):
        return None
    return re.sub(r"\(\d+\)$", "", word) or None


class Recogniser:
    """One stream: samples in, events out through ``emit`` as JSON objects."""

    def __init__(self, decoder: Any, listening: Listening, emit: Emit) -> None:
        self._decoder = decoder
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
        self._frames_unseen = 0
        self._partial_text = ""
        self._last_word_end: float | None = None
        self._new_endpointer()

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

    def _new_endpointer(self) -> None:
        import pocketsphinx  # noqa: PLC0415

        self._endpointer = pocketsphinx.Endpointer(
            window=self._listening.window_seconds, sample_rate=MODEL_RATE
        )
        self._listening_from = self._heard

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
            self._end(speech_final=self._listening.endpointing_ms is not None)
        elif self._utterance_samples >= UTTERANCE_SECONDS_MAX * MODEL_RATE:
            self._end(speech_final=False)
            self._begin(self._utterance_start + self._utterance_samples)

    def _begin(self, start: int) -> None:
        assert not self._in_utterance
        self._decoder.start_utt()
        self._in_utterance = True
        self._utterance_start = start
        self._utterance_samples = 0
        self._frames_unseen = 0
        self._partial_text = ""

    def _decode(self, speech: bytes) -> None:
        self._decoder.process_raw(speech)
        self._utterance_samples += len(speech) // SAMPLE_BYTES
        self._frames_unseen += 1
        if self._listening.interim_results and self._frames_unseen >= PARTIAL_FRAMES:
            self._frames_unseen = 0
            words = list(self._words(final=False))
            text = _text(words)
            if text and text != self._partial_text:
                self._partial_text = text
                self._say(words, is_final=False)

    def _end(self, *, speech_final: bool, from_finalize: bool = False) -> None:
        assert self._in_utterance
        self._decoder.end_utt()
        self._in_utterance = False
        words = list(self._words(final=True))
        if words:
            self._last_word_end = words[-1]["end"]
        # Also without a word: it takes back the partial results that were said.
        self._say(words, is_final=True, speech_final=speech_final, from_finalize=from_finalize)

    def _end_early(self, *, from_finalize: bool) -> None:
        rest = bytes(self._pending)
        self._pending.clear()
        self._heard += len(rest) // SAMPLE_BYTES
        if self._in_utterance:
            # It fails on nothing at all: a sample of silence says the same.
            speech = self._endpointer.end_stream(rest or bytes(SAMPLE_BYTES))
            if speech:
                self._decoder.process_raw(speech)
                self._utterance_samples += len(speech) // SAMPLE_BYTES
            self._end(speech_final=False, from_finalize=from_finalize)
        elif from_finalize:
            self._utterance_start, self._utterance_samples = self._heard, 0
            self._say([], is_final=True, from_finalize=True)
        self._new_endpointer()

    def _note_silence(self) -> None:
        limit_ms = self._listening.utterance_end_ms
        if limit_ms is None or self._last_word_end is None:
            return
        if _seconds(self._heard) - self._last_word_end >= limit_ms / 1000:
            self._emit({"utterance_end": self._last_word_end})
            self._last_word_end = None

    def _words(self, *, final: bool) -> Iterator[dict[str, Any]]:
        """Yield the utterance's words, kept inside its audio.

        A word's posterior probability is only known once the utterance ended; until then
        nothing is claimed (0.0).
        """
        start = _seconds(self._utterance_start)
        end = _seconds(self._utterance_start + self._utterance_samples)
        for segment in self._decoder.seg() or ():
            word = clean_word(segment.word)
            if word is not None:
                yield {
                    "word": word,
                    "start": _within(start, segment.start_frame, end),
                    "end": _within(start, segment.end_frame + 1, end),
                    "confidence": _probability(segment.prob) if final else 0.0,
                }

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
    return " ".join(word["word"] for word in words)


def _seconds(samples: int) -> float:
    return round(samples / MODEL_RATE, 3)


def _within(start: float, model_frames: int, end: float) -> float:
    return round(min(start + model_frames / MODEL_FRAMES_PER_SECOND, end), 3)


def _probability(value: float) -> float:
    return round(min(max(value, 0.0), 1.0), 4)
