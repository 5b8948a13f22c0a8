"""What runs in the process of one stream: `main`, with a function that loads the model.

Decoding takes a core, and some decoders hold the interpreter's lock, so none runs in the daemon.
"""

import json
import signal
from collections.abc import Callable
from typing import Any, BinaryIO, Final

from relayd.children import inside
from relayd.children.inside import Emit
from relayd.engines.local.audio import Converter
from relayd.engines.local.frames import Frame, FrameKind, read_frame
from relayd.engines.local.recogniser import Listening, Model, Recogniser
from relayd.speech.formats import AudioFormat

__all__ = ["Recognition", "main"]

# Decoding yields to the relaying of audio.
NICENESS: Final = 10

# One frame is at most 4 s of audio (8 kHz G.711): a decoder that has not done with it by then
# never will, and the kernel ends the process.
WEDGED_SECONDS: Final = 60

# The engine's own figure is refreshed this often, in milliseconds of audio.
HEARD_STEP_MS: Final = 1000


def main(load: Callable[[], Model]) -> int:
    """Load the model, say so, serve one stream; returns the exit status."""
    commands, emit = inside.begin(NICENESS)
    try:
        model = load()
        emit({"ready": True})
        _serve(commands, model, emit)
    except BrokenPipeError:
        return 0
    except Exception as error:  # noqa: BLE001 - the one boundary: the daemon logs what is said here
        emit({"failed": f"{type(error).__name__}: {error}"})
        return 1
    return 0


def _serve(commands: BinaryIO, model: Model, emit: Emit) -> None:
    stream: Recognition | None = None
    while (frame := read_frame(commands)) is not None:
        signal.setitimer(signal.ITIMER_REAL, WEDGED_SECONDS)
        if stream is None:
            assert frame.kind is FrameKind.START
            stream = Recognition.start(json.loads(frame.payload), model, emit)
        else:
            stream.take(frame)
        signal.setitimer(signal.ITIMER_REAL, 0)


class Recognition:
    """One stream's frames, in order, to converter and recogniser."""

    def __init__(self, source: AudioFormat, listening: Listening, model: Model, emit: Emit) -> None:
        self._source = source
        self._emit = emit
        self._audio_bytes = 0
        self._said_ms = 0
        self._converter = Converter(source)
        self._recogniser = Recogniser(model, listening, self._emit_result)

    @classmethod
    def start(cls, order: dict[str, Any], model: Model, emit: Emit) -> "Recognition":
        """Set a stream up from the payload of its START frame."""
        return cls(AudioFormat(**order["format"]), Listening(**order["listening"]), model, emit)

    @property
    def heard_ms(self) -> int:
        """Audio decoded so far."""
        return self._audio_bytes * 1000 // self._source.bytes_per_second

    def take(self, frame: Frame) -> None:
        """Do what the frame says."""
        if frame.kind is FrameKind.AUDIO:
            self._recogniser.feed(self._converter.convert(frame.payload))
            self._audio_bytes += len(frame.payload)
            if self.heard_ms - self._said_ms >= HEARD_STEP_MS:
                self._said_ms = self.heard_ms
                self._emit({"heard_ms": self.heard_ms})
        elif frame.kind is FrameKind.FINALIZE:
            self._recogniser.finalize()
        elif frame.kind is FrameKind.FINISH:
            self._recogniser.feed(self._converter.flush())
            self._recogniser.finish()
            self._emit({"end": True, "heard_ms": self.heard_ms})
        else:
            raise ValueError("a stream starts once")

    def _emit_result(self, message: dict[str, Any]) -> None:
        self._emit({"result": message})
