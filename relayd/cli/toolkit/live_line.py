"""The one line of a terminal that is rewritten in place while words come in."""

import os
import shutil
import unicodedata
from typing import TextIO

import attrs

from relayd.speech.subtitles import clean

__all__ = ["LiveLine", "clock", "tail", "width"]


def clock(seconds: float) -> str:
    """Seconds as ``m:ss``, or ``h:mm:ss``."""
    minutes, s = divmod(max(int(seconds), 0), 60)
    hours, m = divmod(minutes, 60)
    return f"{hours}:{m:02}:{s:02}" if hours else f"{m}:{s:02}"


def width(text: str) -> int:
    """The columns that text takes: wide East Asian characters two, combining ones none."""
    return sum(map(_columns, text))


def tail(text: str, columns: int) -> str:
    """The end of a text that fits: the newest words are the ones that matter."""
    if width(text) <= columns:
        return text
    if columns < 1:
        return ""
    at, left = len(text), columns - 1
    while at and _columns(text[at - 1]) <= left:
        at -= 1
        left -= _columns(text[at])
    return "…" + text[at:]


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


@attrs.define(eq=False)
class LiveLine:
    """A status line at the bottom of a terminal; silent where the stream is none."""

    stream: TextIO
    wanted: bool = True
    shown: str = ""

    @property
    def live(self) -> bool:
        """Whether there is a terminal that can rewrite a line."""
        return self.wanted and self.stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"

    def show(self, status: str, words: str = "") -> None:
        """Rewrite the line: a status, then as much of the newest words as fits."""
        if not self.live:
            return
        # One column stays free, or the terminal would wrap.
        columns = shutil.get_terminal_size().columns - 1
        line = tail(f"{status}  {clean(words)}".rstrip(), columns)
        if width(status) + 8 < columns:
            line = f"{status}  {tail(clean(words), columns - width(status) - 2)}".rstrip()
        if line != self.shown:
            self.stream.write(f"\r{line}\x1b[K")
            self.stream.flush()
            self.shown = line

    def clear(self) -> None:
        """Take the line away, so that other output can stand there."""
        if self.shown:
            self.stream.write("\r\x1b[K")
            self.stream.flush()
            self.shown = ""

    def note(self, text: str) -> None:
        """Print a line that stays."""
        self.clear()
        self.stream.write(f"{text}\n")
        self.stream.flush()
