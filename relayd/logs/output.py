"""Where events go: to a stream at once, or through a queue to a descriptor."""

import io
import logging
import os
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TextIO

from relayd.logs.lines import JsonFormatter, TextFormatter
from relayd.logs.writer import LineWriter

__all__ = ["configure", "in_background"]

_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
# What a slow reader gets at the end for all that waits: 4 MiB at 400 KiB/s.
_FLUSH_SECONDS: Final = 10


def configure(level: str, format: str, stream: TextIO | None = None) -> None:  # noqa: A002 - the key's name
    """Send every event of this level and above to ``stream`` (standard output).

    ``level`` and ``format`` are the values of [log]. Calling it again replaces the first.
    """
    out = sys.stdout if stream is None else stream
    if isinstance(out, io.TextIOWrapper):
        # A lone surrogate in a fact must not cost the line.
        out.reconfigure(errors="backslashreplace")
    _install(logging.StreamHandler(out), level, format)


@contextmanager
def in_background(level: str, format: str, descriptor: int = 1) -> Iterator[Callable[[str], None]]:  # noqa: A002 - the key's name
    """The same while entered, but nobody waits for a reader; yields how to write a bare line.

    A thread of its own writes to the descriptor, in order. What finds no room is counted, and the
    count logged as soon as there is room again. Leaving writes all that still waits, also after
    an exception; where nobody reads it within `_FLUSH_SECONDS`, standard error says how many
    lines that cost.
    """
    formatter = _formatter(format)
    writer = LineWriter(descriptor, lambda count: formatter.format(_loss(count)))
    handler = _Queued(writer)
    _install(handler, level, format)
    try:
        yield writer.put
    finally:
        logging.getLogger().removeHandler(handler)
        unwritten = writer.close(_FLUSH_SECONDS)
        if unwritten:
            _complain(f"relayd: {unwritten} log lines could not be written\n")


class _Queued(logging.Handler):
    """Formats where the event happens, for its facts may change, and writes elsewhere."""

    def __init__(self, writer: LineWriter) -> None:
        super().__init__()
        self.writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the line."""
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 - a fact that can't be shown must not end a session
            self.handleError(record)
        else:
            self.writer.put(line)


def _install(handler: logging.Handler, level: str, form: str) -> None:
    handler.setFormatter(_formatter(form))
    root = logging.getLogger()
    # Only ours: what a test put there stays.
    for before in root.handlers[:]:
        if isinstance(before.formatter, TextFormatter | JsonFormatter):
            root.removeHandler(before)
    root.addHandler(handler)
    root.setLevel(_LEVELS[level])
    # One connection's faults are the edge's to report, in one line.
    logging.getLogger("hypercorn").setLevel(max(_LEVELS[level], logging.WARNING))


def _formatter(form: str) -> TextFormatter | JsonFormatter:
    return JsonFormatter() if form == "json" else TextFormatter()


def _loss(count: int) -> logging.LogRecord:
    record = logging.LogRecord(
        __name__, logging.WARNING, "", 0, "log lines dropped, nobody took them", None, None
    )
    record.facts = {"count": count}
    return record


def _complain(text: str) -> None:
    """On standard error, unless that is as full as standard output."""
    if select.select([], [2], [], 0)[1]:
        os.write(2, text.encode())
