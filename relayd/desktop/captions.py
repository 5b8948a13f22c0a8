"""What was said, as it is shown and as it is saved."""

from pathlib import Path
from typing import Final

import attrs

from relayd.client.messages import Transcript
from relayd.client.subtitles import FORMATS

__all__ = ["ENDINGS", "Captions"]

# By the ending of a file's name.
ENDINGS: Final = {".txt": "text", ".srt": "srt"}


@attrs.define(eq=False)
class Captions:
    """Final words, and those that may still change."""

    finals: list[Transcript] = attrs.field(factory=list)
    interim: str = ""

    def hear(self, heard: Transcript) -> str:
        """Take words; what of them is final, to be shown for good."""
        self.interim = "" if heard.is_final else heard.text
        if not heard.is_final or not heard.text:
            return ""
        self.finals.append(heard)
        return heard.text

    @property
    def text(self) -> str:
        """All of it, a line an utterance; what may still change last."""
        return (self.written("text") + self.interim).rstrip()

    def written(self, form: str) -> str:
        """The final words in one of `FORMATS`."""
        writer = FORMATS[form]()
        return "".join([*map(writer.add, self.finals), writer.close()])

    def save(self, path: Path) -> None:
        """Write a file; its name's ending says in which form, text where it is none of ours."""
        path.write_text(self.written(ENDINGS.get(path.suffix.lower(), "text")), encoding="utf-8")
