"""A ggml file as a transcriber. Runs in the process of a slot.

The package's own call to abort takes a second and returns what was found so far as if it were all:
who wants no more kills the process.
"""

import wave
from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import attrs

from relayd.engines.local.audio import MODEL_RATE
from relayd.engines.local.transcriber import Heard, Order
from relayd.speech.document import Segment, TimedWord

__all__ = ["Token", "Whisper", "load", "words"]

# whisper.cpp counts in hundredths of a second.
TICK_MS: Final = 10

# There is no word in less …
SPOKEN_SECONDS_MIN: Final = 0.1
# … and with less than this it gives back what it found in the file before.
HEARD_SECONDS_MIN: Final = 1

# How the model counts sound, and how much of it; with much less than it has heard, it repeats
# itself.
CONTEXT_RATE: Final = 50
CONTEXT_MAX: Final = 1500
CONTEXT_SECONDS: Final = 4
# Of the fastest speech; a word has one or two.
TOKENS_PER_SECOND: Final = 10


@attrs.frozen
class Token:
    """A piece of a segment's text, with the space before it where a word begins; times in ms."""

    text: bytes
    start_ms: int
    end_ms: int
    probability: float


def load(path: str, threads: int) -> "Whisper":
    """Load a ggml file. Raises what the package raises where it is none."""
    import _pywhispercpp as library  # type: ignore[import-not-found]  # noqa: PLC0415 - optional

    context = library.whisper_init_from_file_with_params(
        path, library.whisper_context_default_params()
    )
    # The package wraps a null pointer where the file can't be loaded. Looking into it ends this
    # process while it loads, which is how its parent knows that the model is at fault.
    library.whisper_full_n_segments(context)
    return Whisper(library, context, threads)


@attrs.define(eq=False)
class Whisper:
    """Implements `relayd.engines.local.transcriber.Transcriber`."""

    _library: Any
    _context: Any
    _threads: int

    def transcribe(
        self, order: Order, found: Callable[[Segment], None], reached: Callable[[int], None]
    ) -> Heard:
        """Hear the whole file; segments are told at its end, when no more is revised."""
        library = self._library
        samples = _samples(order)
        heard_ms = len(samples) * 1000 // MODEL_RATE
        if len(samples) < SPOKEN_SECONDS_MIN * MODEL_RATE:
            return Heard(heard_ms)
        parameters = self._parameters(order.language)
        parameters.initial_prompt = order.prompt

        def heard(context: Any, *_: Any) -> None:
            last = library.whisper_full_n_segments(context) - 1
            reached(library.whisper_full_get_segment_t1(context, last) * TICK_MS)

        library.assign_new_segment_callback(parameters, heard)
        self._run(parameters, _padded(samples))
        for number in range(library.whisper_full_n_segments(self._context)):
            found(self._segment(number))
        language = library.whisper_lang_str(library.whisper_full_lang_id(self._context))
        return Heard(heard_ms, language)

    def utterance(self, pcm: bytes, language: str) -> tuple[TimedWord, ...]:
        """The words of some seconds of linear16 speech, by themselves: nothing before them counts.

        Times are milliseconds from its beginning.
        """
        samples = _floats(array("h", pcm))
        if len(samples) < SPOKEN_SECONDS_MIN * MODEL_RATE:
            return ()
        parameters = self._parameters(language)
        parameters.no_context = True
        parameters.single_segment = True
        # The model hears half a minute, most of which would be silence here.
        seconds = len(samples) / MODEL_RATE
        parameters.audio_ctx = min(round((seconds + CONTEXT_SECONDS) * CONTEXT_RATE), CONTEXT_MAX)
        # Where it finds no words it may go round in circles, and then begins anew again and again.
        parameters.temperature_inc = 0.0
        parameters.max_tokens = round((seconds + 1) * TOKENS_PER_SECOND)
        self._run(parameters, _padded(samples))
        found = range(self._library.whisper_full_n_segments(self._context))
        return tuple(word for number in found for word in self._segment(number).words)

    def _parameters(self, language: str) -> Any:
        """What every hearing has in common. An empty language is found out."""
        library = self._library
        parameters = library.whisper_full_default_params(
            library.whisper_sampling_strategy.WHISPER_SAMPLING_GREEDY
        )
        parameters.n_threads = self._threads
        parameters.print_progress = False
        parameters.print_timestamps = False
        parameters.token_timestamps = True
        parameters.language = language.lower().split("-")[0] or "auto"
        return parameters

    def _run(self, parameters: Any, samples: Any) -> None:
        if self._library.whisper_full(self._context, parameters, samples, len(samples)):
            raise RuntimeError("whisper.cpp gave up")

    def _segment(self, number: int) -> Segment:
        library, context = self._library, self._context
        text = library.whisper_full_get_segment_text(context, number)
        return Segment(
            text.decode("utf-8", "replace").strip(),
            library.whisper_full_get_segment_t0(context, number) * TICK_MS,
            library.whisper_full_get_segment_t1(context, number) * TICK_MS,
            words(list(self._tokens(number))),
        )

    def _tokens(self, number: int) -> Iterator[Token]:
        library, context = self._library, self._context
        for place in range(library.whisper_full_n_tokens(context, number)):
            data = library.whisper_full_get_token_data(context, number, place)
            try:
                text = library.whisper_full_get_token_text(context, number, place).encode()
            except UnicodeDecodeError as error:
                # A part of a character: the package has no way to ask for bytes.
                text = error.object
            yield Token(text, data.t0 * TICK_MS, data.t1 * TICK_MS, data.p)


def words(tokens: Sequence[Token]) -> tuple[TimedWord, ...]:
    """Tokens put together to words, each as sure as its pieces are in the mean.

    A token may end in the middle of a character. Marks such as ``[_BEG_]`` are none.
    """
    groups: list[list[Token]] = []
    for token in tokens:
        if token.text.startswith(b"[_"):
            continue
        if token.text.startswith(b" ") or not groups:
            groups.append([])
        groups[-1].append(token)
    found = []
    for group in groups:
        text = b"".join(token.text for token in group).decode("utf-8", "replace").strip()
        if text:
            sure = sum(token.probability for token in group) / len(group)
            end_ms = max(group[-1].end_ms, group[0].start_ms)
            found.append(TimedWord(text, group[0].start_ms, end_ms, round(sure, 4)))
    return tuple(found)


def _samples(order: Order) -> Any:
    """The samples from -1 to 1, as the package takes them."""
    with wave.open(str(order.audio), "rb") as sound:
        assert sound.getparams()[:3] == (1, 2, MODEL_RATE)
        return _floats(array("h", sound.readframes(sound.getnframes())))


def _padded(samples: Any) -> Any:
    """With silence behind what is too short."""
    import numpy as np  # noqa: PLC0415 - the package brings it

    missing = HEARD_SECONDS_MIN * MODEL_RATE - len(samples)
    return np.pad(samples, (0, missing)) if missing > 0 else samples


def _floats(pcm: "array[int]") -> Any:
    import numpy as np  # noqa: PLC0415 - the package brings it

    return np.asarray(pcm, dtype=np.float32) / 32_768
