"""Where somebody speaks: Moonshine's stream as an end-pointer. Runs in the process of the stream.

The package's stream finds voice (TEN VAD, smoothed) and would transcribe what it found, all of
an utterance anew at each look, also for an app that wants final results only, and with half a
second of doubled words where it cuts long speech. So it is asked for voice alone, and the
decoder beside it decides what is worth a look. A pause is as long as the app asked for.
"""

from array import array
from typing import Any, Final

from relayd.engines.local.audio import MODEL_RATE

__all__ = ["OPTIONS", "VoiceActivity", "floats"]

# The detector works in steps of 32 ms.
FRAME_SAMPLES: Final = 512
SAMPLE_BYTES: Final = 2

# It says "voice" where the mean of its last 0.3 s is above one half, so it is about half of that
# late, at the beginning and at the end.
WINDOW_SECONDS: Final = 0.3

OPTIONS: Final = {
    "skip_transcription": "true",
    "return_audio_data": "false",
    "identify_speakers": "false",
    "transcription_interval": "0",
    "vad_window_duration": str(WINDOW_SECONDS),
    # Cutting long speech is the recogniser's business.
    "vad_max_segment_duration": "86400",
}

# Voice is looked for from the look-behind on (0.5 s before it was noticed).
RECENT_SECONDS: Final = 1

# The stream remembers each stretch of voice for ever, and every look goes through all of them.
# It is begun anew after so many, in a silence of RECENT_SECONDS; after very many, in any.
STRETCHES: Final = 32
STRETCHES_MAX: Final = 256


def floats(samples: bytes) -> "array[float]":
    """16-bit samples as the package takes them, from -1 to 1."""
    return array("f", [sample / 32_768 for sample in array("h", samples)])


class VoiceActivity:
    """Implements `relayd.engines.local.recogniser.Endpointer`."""

    frame_bytes: Final = FRAME_SAMPLES * SAMPLE_BYTES

    def __init__(self, transcriber: Any, pause_seconds: float) -> None:
        self._transcriber = transcriber
        self._pause_samples = round(max(pause_seconds - WINDOW_SECONDS / 2, 0) * MODEL_RATE)
        self.in_speech = False
        self.speech_start = 0.0
        # In samples since the first: what was heard, where the last voice was, where the last
        # utterance ended.
        self._heard = 0
        self._voice_start = 0
        self._voice_end = 0
        self._ended = 0
        # Between utterances the last second, in which the next one begins; within one, what
        # came since its last voice: the speaker may only be taking breath.
        self._silence = bytearray()
        self._stretches = 0
        self._listen(b"")

    def process(self, frame: bytes) -> bytes | None:
        """What of the sound is known to be speech now; None for silence."""
        assert len(frame) == self.frame_bytes
        self._heard += FRAME_SAMPLES
        self._silence += frame
        if self._look(frame):
            return self._take_voice()
        self._forget()
        if not self.in_speech:
            del self._silence[: -RECENT_SECONDS * MODEL_RATE * SAMPLE_BYTES]
            return None
        if self._heard - self._voice_end >= self._pause_samples:
            self._ended = self._heard - len(self._silence) // SAMPLE_BYTES
            self.in_speech = False
        return b""

    def end_stream(self, rest: bytes) -> bytes | None:
        """The last speech, where ``rest``, less than a frame, is all that follows."""
        speech = rest if self.in_speech and not self._silence else b""
        self.in_speech = False
        return speech

    def close(self) -> None:
        """Listen no more, and give back what the package remembers."""
        self._stream.close()

    def _take_voice(self) -> bytes:
        """The voice and, before it, the breath or the beginning of the utterance."""
        if not self.in_speech:
            kept = len(self._silence) // SAMPLE_BYTES
            # The look-behind may reach into the utterance before.
            start = max(self._voice_start, self._ended, self._heard - kept)
            del self._silence[: -(self._heard - start) * SAMPLE_BYTES]
            self.in_speech = True
            self.speech_start = start / MODEL_RATE
        speech = bytes(self._silence)
        self._silence.clear()
        return speech

    def _look(self, sound: bytes) -> bool:
        """Whether there is voice at the end of this sound, which ends now."""
        self._stream.add_audio(floats(sound), MODEL_RATE)
        now = self._transcriber.MOONSHINE_FLAG_FORCE_UPDATE
        stretches = self._stream.update_transcription(now).lines
        self._stretches = len(stretches)
        if not stretches:
            return False
        last = stretches[-1]
        self._voice_start = self._stream_from + round(last.start_time * MODEL_RATE)
        self._voice_end = self._voice_start + round(last.duration * MODEL_RATE)
        return not last.is_complete

    def _forget(self) -> None:
        """Begin the package's stream anew, in a silence, where it remembers too much."""
        silent = self._heard - self._voice_end >= RECENT_SECONDS * MODEL_RATE
        if self._stretches >= STRETCHES_MAX or (silent and self._stretches >= STRETCHES):
            self._stream.close()
            self._listen(bytes(self._silence[-RECENT_SECONDS * MODEL_RATE * SAMPLE_BYTES :]))

    def _listen(self, silence: bytes) -> None:
        """Begin the package's stream with the silence before now, or where a word may begin."""
        self._stream_from = self._heard - len(silence) // SAMPLE_BYTES
        # It is told when to look, so its own interval is one that never passes.
        self._stream = self._transcriber.create_stream(update_interval=float("inf"))
        self._stream.start()
        if silence:
            self._look(silence)
