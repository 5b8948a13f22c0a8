"""pocketsphinx as a local model. Runs in the process of the stream.

A finished utterance is decoded a second time as a whole. While it is spoken, the decoder knows
the loudness and colour of the voice (the mean of its features) from earlier sound only, which
costs most of the words in a real room; the second time it knows all of it. What was said in
partial results stays as it was.
"""

import re
import time
from collections.abc import Iterator
from typing import Any, ClassVar, Final

import attrs

from relayd.engines.local.audio import MODEL_RATE
from relayd.engines.local.recogniser import Endpointer, HeardWord, Listening

__all__ = ["SphinxDecoder", "clean_word", "load"]

# The model's own frames, in which it says where a word begins and ends.
FRAMES_PER_SECOND: Final = 100

# A partial result is looked for this often.
PARTIAL_BYTES: Final = MODEL_RATE * 2 * 3 // 10

DEFAULT_ENDPOINTING_MS: Final = 300

# The second look takes 0.2 to 0.5 of what the utterance lasted, and nothing is heard meanwhile.
SECOND_LOOK_SECONDS_MAX: Final = 10
# The same where the app waits for its last words, for which a session has 3 s.
HURRIED_SECONDS_MAX: Final = 4
# Of the time that the speech lasted, decoding may have taken this much where another look is
# begun: else a slow machine would fall behind for good.
BUSY_SHARE_MAX: Final = 0.7


def load() -> "SphinxDecoder":
    """Load the English model that the package brings (0.3 s, about 100 MiB)."""
    import pocketsphinx  # type: ignore[import-untyped]  # noqa: PLC0415 - an optional package

    return SphinxDecoder(pocketsphinx.Decoder(samprate=MODEL_RATE, loglevel="FATAL"))


@attrs.define(eq=False)
class SphinxDecoder:
    """Implements `relayd.engines.local.recogniser.Model`."""

    # 20 s are some 10 MiB of lattice, and 1 s for the last pass.
    utterance_seconds_max: ClassVar[int] = 20

    _decoder: Any
    _speech: bytearray = attrs.field(factory=bytearray)
    _unseen_bytes: int = 0
    _heard_seconds: float = 0.0
    # Of the processor, so that other programs on the machine change no words.
    _busy_since: float = attrs.field(factory=time.process_time)

    def endpointer(self, listening: Listening) -> Endpointer:
        """The package's own end-pointer, which looks at as much sound as a pause shall last.

        It needs six frames of 30 ms; above 2 s it delays every word.
        """
        import pocketsphinx  # noqa: PLC0415

        milliseconds = listening.endpointing_ms or DEFAULT_ENDPOINTING_MS
        endpointer: Endpointer = pocketsphinx.Endpointer(
            window=min(max(milliseconds / 1000, 0.2), 2.0), sample_rate=MODEL_RATE
        )
        return endpointer

    def begin(self) -> None:
        """An utterance follows."""
        self._decoder.start_utt()
        self._speech.clear()
        self._unseen_bytes = 0

    def hear(self, speech: bytes) -> None:
        """Decode linear16 samples of the utterance."""
        self._decoder.process_raw(speech)
        self._speech += speech
        self._unseen_bytes += len(speech)

    def partial(self) -> list[HeardWord] | None:
        """The words so far; None until there is enough new sound.

        A word's posterior probability is only known once the utterance ended; until then
        nothing is claimed (0.0).
        """
        if self._unseen_bytes < PARTIAL_BYTES:
            return None
        self._unseen_bytes = 0
        return list(self._words(final=False))

    def cut(self) -> bytes:
        """Nothing: what was decoded can't be taken back."""
        return b""

    def end(self, *, hurried: bool) -> list[HeardWord]:
        """All words of the utterance, from a second look at it where there is time for one."""
        self._decoder.end_utt()
        seconds = len(self._speech) / (MODEL_RATE * 2)
        self._heard_seconds += seconds
        if seconds <= (HURRIED_SECONDS_MAX if hurried else SECOND_LOOK_SECONDS_MAX):
            busy = time.process_time() - self._busy_since
            if busy <= BUSY_SHARE_MAX * self._heard_seconds:
                self._look_again()
        return list(self._words(final=True))

    def _look_again(self) -> None:
        # Else the mean of the features would start from what the first look made of it.
        self._decoder.reinit_feat()
        self._decoder.start_utt()
        self._decoder.process_raw(bytes(self._speech), full_utt=True)
        self._decoder.end_utt()

    def _words(self, *, final: bool) -> Iterator[HeardWord]:
        for segment in self._decoder.seg() or ():
            word = clean_word(segment.word)
            if word is not None:
                yield HeardWord(
                    word=word,
                    start=segment.start_frame / FRAMES_PER_SECOND,
                    end=(segment.end_frame + 1) / FRAMES_PER_SECOND,
                    confidence=segment.prob if final else 0.0,
                )


def clean_word(word: str) -> str | None:
    """Return the word without the number of its pronunciation; None for a noise or a silence."""
    if word.startswith(("<", "[", "+")):
        return None
    return re.sub(r"\(\d+\)$", "", word) or None
