"""A model made for streams hears a recording: at once, and asked for final words only."""

import wave
from collections.abc import Callable
from typing import Any, Final

from relayd.engines.local.audio import MODEL_RATE
from relayd.engines.local.recogniser import Listening, Model, Recogniser
from relayd.engines.local.transcriber import Heard, Order
from relayd.speech.document import Segment, TimedWord

__all__ = ["Recorded"]

# It says how far it is after each.
PIECE_SECONDS: Final = 5

_LISTENING: Final = Listening(interim_results=False)


class Recorded:
    """Implements `relayd.engines.local.transcriber.Transcriber` with a model of this language."""

    def __init__(self, model: Model, language: str) -> None:
        self._model = model
        self._language = language

    def transcribe(
        self, order: Order, found: Callable[[Segment], None], reached: Callable[[int], None]
    ) -> Heard:
        """Each utterance is a segment."""

        def take(result: dict[str, Any]) -> None:
            if result.get("words"):
                found(_segment(result))

        recogniser = Recogniser(self._model, _LISTENING, take)
        frames = 0
        with wave.open(str(order.audio), "rb") as sound:
            assert sound.getparams()[:3] == (1, 2, MODEL_RATE)
            while piece := sound.readframes(PIECE_SECONDS * MODEL_RATE):
                recogniser.feed(piece)
                frames += len(piece) // 2
                reached(frames * 1000 // MODEL_RATE)
        recogniser.finish()
        return Heard(frames * 1000 // MODEL_RATE, self._language)


def _segment(result: dict[str, Any]) -> Segment:
    words = tuple(
        TimedWord(
            word.get("punctuated_word", word["word"]),
            _ms(word["start"]),
            _ms(word["end"]),
            # Where a model knows none, it says 0.
            word["confidence"] or None,
        )
        for word in result["words"]
    )
    return Segment(result["text"], words[0].start_ms, words[-1].end_ms, words)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
