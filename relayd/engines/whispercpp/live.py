"""Whisper for one live stream: ``python -m relayd.engines.whispercpp.live FILE LANGUAGE``.

Where speech begins and ends says how loud it is.
"""

import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import ClassVar, Final

import attrs

from relayd.engines.local import worker
from relayd.engines.local.looks import Looks, bare
from relayd.engines.local.loudness import PAUSE_SECONDS, LoudnessEndpointer
from relayd.engines.local.recogniser import Endpointer, HeardWord, Listening
from relayd.engines.whispercpp.decoder import load
from relayd.speech.document import TimedWord

__all__ = ["LiveWhisper"]

# What it writes for sounds that are no words, such as [MUSIC] or (coughs).
_SOUND: Final = re.compile(r"[\[(*].*[\])*]|[^\w]*")


@attrs.define(eq=False)
class LiveWhisper(Looks):
    """Implements `relayd.engines.local.recogniser.Model`. ``hear_out`` hears a whole utterance."""

    # Half of what the model can hear at once.
    utterance_seconds_max: ClassVar[int] = 15
    first_look_seconds: ClassVar[float] = 0.8
    look_seconds_min: ClassVar[float] = 0.6

    hear_out: Callable[[bytes], Sequence[TimedWord]]

    def endpointer(self, listening: Listening) -> Endpointer:
        """By loudness alone: the package has none without further weights."""
        milliseconds = listening.endpointing_ms
        return LoudnessEndpointer(PAUSE_SECONDS if milliseconds is None else milliseconds / 1000)

    def read(self, speech: bytes, levels: list[float]) -> list[HeardWord]:
        """See `Looks`."""
        return [
            HeardWord(
                plain, word.start_ms / 1000, word.end_ms / 1000, word.confidence or 0.0, word.text
            )
            for word in self.hear_out(speech)
            if not _SOUND.fullmatch(word.text) and (plain := bare(word.text))
        ]


def _loaded() -> LiveWhisper:
    path, language = sys.argv[1:3]
    # Beside what is on the screen; more cores than these help little.
    whisper = load(path, min(max((os.cpu_count() or 1) // 2, 1), 4))
    return LiveWhisper(lambda pcm: whisper.utterance(pcm, language))


if __name__ == "__main__":
    sys.exit(worker.main(_loaded))
