"""What runs in a process that transcribes files: `main`, with a function that loads the model.

Orders come as lines of JSON, one after the other. What is answered: segments as they are found, how
far it is, and the end or the failure.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import attrs

from relayd.children import inside
from relayd.speech.document import Segment

__all__ = ["Heard", "Order", "Transcriber", "main"]

# Files are in no hurry beside live streams.
NICENESS: Final = 19


@attrs.frozen
class Order:
    """One file: RIFF, 16 kHz, mono, 16 bits. An empty language: the model finds out."""

    audio: Path
    language: str = ""
    prompt: str = ""


@attrs.frozen
class Heard:
    """What became of a whole file. ``language`` is what was heard, empty where nobody knows."""

    duration_ms: int
    language: str = ""


class Transcriber(Protocol):
    """A loaded model that transcribes one file after the other."""

    def transcribe(
        self, order: Order, found: Callable[[Segment], None], reached: Callable[[int], None]
    ) -> Heard:
        """Tell ``found`` each segment and ``reached`` how many milliseconds are done."""


def main(load: Callable[[], Transcriber]) -> int:
    """Load the model, say so, serve until the pipe ends; returns the exit status."""
    commands, emit = inside.begin(NICENESS)
    try:
        transcriber = load()
        emit({"ready": True})
        for line in commands:
            order = json.loads(line)
            heard = transcriber.transcribe(
                Order(Path(order["audio"]), order["language"], order["prompt"]),
                lambda segment: emit({"segment": attrs.asdict(segment)}),
                lambda done_ms: emit({"done_ms": done_ms}),
            )
            emit({"end": attrs.asdict(heard)})
    except BrokenPipeError:
        return 0
    except Exception as error:  # noqa: BLE001 - the one boundary: the parent logs what is said here
        emit({"failed": f"{type(error).__name__}: {error}"})
        return 1
    return 0
