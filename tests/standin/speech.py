"""From audio to Deepgram's messages: a recogniser that hears what it is told to hear.

Words stand at fixed places of the audio's timeline, whatever the audio holds: eight words, two a
second unless told otherwise, then silence for as long as four. So a transcript is known from the
number of bytes alone. Windows, interims, finals and events follow Deepgram's pages on interim
results, endpointing and utterance ends.
"""

import struct
from collections.abc import Iterator
from typing import Any, Final

import attrs

__all__ = ["Listening", "Recogniser", "Tempo"]

# Of a cycle: those that are spoken, and as many as would be, with those in the silence.
_CYCLE_WORDS: Final = 8
_CYCLE_PLACES: Final = 12

# A window that has grown this long is made final in the middle of speech.
_WINDOW_MS: Final = 3000

_MODEL: Final = "40bd3654-e622-47c4-a111-63a61b23bfe8"


@attrs.frozen
class Tempo:
    """The timeline, in milliseconds; ``word`` is from one word to the next."""

    word: int = 500

    @property
    def word_from(self) -> int:
        """Where a word begins in its place."""
        return self.word // 5

    @property
    def word_to(self) -> int:
        """Where it ends in it."""
        return self.word * 4 // 5

    @property
    def speech(self) -> int:
        """Until the silence of each cycle."""
        return self.word * _CYCLE_WORDS

    @property
    def cycle(self) -> int:
        """Until speech begins again."""
        return self.word * _CYCLE_PLACES


@attrs.frozen
class Listening:
    """What the query asked for."""

    bytes_per_second: int
    channels: int = 1
    multichannel: bool = False
    interim_results: bool = False
    endpointing_ms: int | None = 10
    utterance_end_ms: int | None = None
    vad_events: bool = False


def single(seconds: float) -> float:
    """A number as Deepgram prints it: single precision, with its crumbs."""
    (value,) = struct.unpack("f", struct.pack("f", seconds))
    return float(value)


@attrs.define(eq=False)
class Recogniser:
    """One stream's audio so far, and what was said about it."""

    listening: Listening
    request_id: str
    result_ms: int = 1000
    words: tuple[str, ...] = ()
    tempo: Tempo = Tempo()
    audio_bytes: int = 0
    _window_ms: int = 0
    _tick_ms: int = 0
    _speech_final_ms: int = -1
    _started_ms: int = -1
    _utterance_end_ms: int = -1

    @property
    def heard_ms(self) -> int:
        """Whole milliseconds of audio so far, on each channel."""
        return self.audio_bytes * 1000 // self.listening.bytes_per_second

    def hear(self, audio_bytes: int) -> Iterator[dict[str, Any]]:
        """Take audio in; the messages it causes."""
        self.audio_bytes += audio_bytes
        while self.heard_ms - self._tick_ms >= self.result_ms:
            self._tick_ms += self.result_ms
            yield from self._tick(self._tick_ms)

    def finalize(self) -> Iterator[dict[str, Any]]:
        """Everything heard so far becomes final. Too little audio: no answer at all."""
        if self.heard_ms > self._window_ms:
            yield from self._result(self.heard_ms, is_final=True, from_finalize=True)

    def finish(self) -> Iterator[dict[str, Any]]:
        """The rest, then the metadata."""
        if self.heard_ms > self._window_ms:
            yield from self._result(self.heard_ms, is_final=True, speech_final=True)
        yield self.metadata()

    def metadata(self) -> dict[str, Any]:
        """The last message of a stream."""
        seconds = self.audio_bytes / self.listening.bytes_per_second
        found: dict[str, Any] = {
            "type": "Metadata",
            "transaction_key": "deprecated",
            "request_id": self.request_id,
            "sha256": "incomplete",
            "created": "2026-08-25T21:11:31.685Z",
            "duration": single(seconds),
            "channels": self.listening.channels if self.audio_bytes else 1,
        }
        if self.audio_bytes:
            found["models"] = [_MODEL]
            found["model_info"] = {_MODEL: _model_info()}
        return found

    def _tick(self, now_ms: int) -> Iterator[dict[str, Any]]:
        """One look at the window that ends now."""
        yield from self._speech_started(now_ms)
        pause_ms = self._pause_from(now_ms)
        waited = self.listening.endpointing_ms
        if pause_ms is not None and waited is not None and now_ms >= pause_ms + waited:
            if self._speech_final_ms < pause_ms:
                self._speech_final_ms = now_ms
                yield from self._result(now_ms, is_final=True, speech_final=True)
                yield from self._utterance_end(now_ms, pause_ms)
                return
            yield from self._utterance_end(now_ms, pause_ms)
        if now_ms - self._window_ms >= _WINDOW_MS or not self.listening.interim_results:
            # In the middle of speech a final ends where its last word does, before `now`.
            end = max([word_to for _, _, word_to in self._words_in(now_ms)], default=now_ms)
            if pause_ms is None and self.listening.interim_results:
                yield from self._result(end, is_final=True)
            else:
                yield from self._result(now_ms, is_final=True)
        else:
            yield from self._result(now_ms, is_final=False)

    def _pause_from(self, now_ms: int) -> int | None:
        """When the silence began that is still going on."""
        cycle = now_ms // self.tempo.cycle * self.tempo.cycle
        return cycle + self.tempo.speech if now_ms - cycle >= self.tempo.speech else None

    def _words_in(self, end_ms: int) -> Iterator[tuple[int, int, int]]:
        """Words that are complete in the open window: (number, from, to)."""
        tempo = self.tempo
        cycle, into = divmod(max(self._window_ms - tempo.word_to, 0), tempo.cycle)
        number = cycle * _CYCLE_WORDS + min(into // tempo.word, _CYCLE_WORDS)
        while True:
            at = number // _CYCLE_WORDS * tempo.cycle + number % _CYCLE_WORDS * tempo.word
            if at + tempo.word_to > end_ms:
                return
            if at + tempo.word_to > self._window_ms:
                yield number, at + tempo.word_from, at + tempo.word_to
            number += 1

    def _result(
        self,
        end_ms: int,
        *,
        is_final: bool,
        speech_final: bool = False,
        from_finalize: bool = False,
    ) -> Iterator[dict[str, Any]]:
        """What stands in the window, once for each channel that is transcribed by itself."""
        words = [
            {
                "word": self._word(number),
                "start": single(word_from / 1000),
                "end": single(word_to / 1000),
                "confidence": 0.98,
                "punctuated_word": self._word(number),
            }
            for number, word_from, word_to in self._words_in(end_ms)
        ]
        channels = self.listening.channels if self.listening.multichannel else 1
        for channel in range(channels):
            yield {
                "type": "Results",
                "channel_index": [channel, channels],
                "duration": single((end_ms - self._window_ms) / 1000),
                "start": single(self._window_ms / 1000),
                "is_final": is_final,
                "speech_final": speech_final,
                "channel": {
                    "alternatives": [
                        {
                            "transcript": " ".join(str(word["word"]) for word in words),
                            "confidence": 0.98 if words else 0.0,
                            "words": words,
                        }
                    ]
                },
                "metadata": {
                    "request_id": self.request_id,
                    "model_info": _model_info(),
                    "model_uuid": _MODEL,
                },
                "from_finalize": from_finalize,
            }
        if is_final:
            self._window_ms = end_ms

    def _word(self, number: int) -> str:
        return self.words[number % len(self.words)] if self.words else f"word-{number}"

    def _speech_started(self, now_ms: int) -> Iterator[dict[str, Any]]:
        cycle = now_ms // self.tempo.cycle * self.tempo.cycle
        if self.listening.vad_events and self._started_ms < cycle < now_ms:
            self._started_ms = cycle
            yield {
                "type": "SpeechStarted",
                "channel": [0, self.listening.channels],
                "timestamp": single((cycle + self.tempo.word_from) / 1000),
            }

    def _utterance_end(self, now_ms: int, pause_ms: int) -> Iterator[dict[str, Any]]:
        last_word_ms = pause_ms - self.tempo.word + self.tempo.word_to
        gap = self.listening.utterance_end_ms
        if gap is None or now_ms - last_word_ms < gap or self._utterance_end_ms >= last_word_ms:
            return
        self._utterance_end_ms = last_word_ms
        yield {
            "type": "UtteranceEnd",
            "channel": [0, self.listening.channels],
            "last_word_end": single(last_word_ms / 1000),
        }


def _model_info() -> dict[str, str]:
    return {"name": "general-nova-3", "version": "2025-04-17.21547", "arch": "nova-3"}
