"""Structured lines on standard output: an event, then its facts as key=value, or JSON.

The standard library's logging underneath, so that Hypercorn's and psycopg's own lines come
out in the same form. One event is one line whatever its facts hold: a line break from a
client's header can't forge a second event.
"""

import datetime as dt
import io
import json
import logging
import sys
import uuid
from collections.abc import Mapping
from typing import Any, Final, TextIO

import attrs

__all__ = ["Log", "configure", "get"]

_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
# A fact is a number or a name; whatever is longer came from outside.
_FACT_CHARACTERS_MAX: Final = 1000


@attrs.frozen
class Log:
    """A named source of events."""

    logger: logging.Logger

    def debug(self, event: str, **facts: Any) -> None:
        """Something that only its developer wants to know."""
        self.logger.debug(event, extra={"facts": facts})

    def info(self, event: str, **facts: Any) -> None:
        """Something worth knowing."""
        self.logger.info(event, extra={"facts": facts})

    def warning(self, event: str, **facts: Any) -> None:
        """Something unusual that relayd coped with."""
        self.logger.warning(event, extra={"facts": facts})

    def error(self, event: str, **facts: Any) -> None:
        """A human should look."""
        self.logger.error(event, extra={"facts": facts})

    def exception(self, event: str, **facts: Any) -> None:
        """A human should look; with the traceback of the exception being handled."""
        self.logger.exception(event, extra={"facts": facts})  # noqa: LOG004 - the caller handles it

    def fault(self, event: str, error: BaseException, **facts: Any) -> None:
        """A human should look; with the traceback of an exception that was caught elsewhere."""
        self.logger.error(event, exc_info=error, extra={"facts": facts})


def get(name: str) -> Log:
    """The source of this name (a module's ``__name__``)."""
    return Log(logging.getLogger(name))


def configure(level: str, format: str, stream: TextIO | None = None) -> None:  # noqa: A002 - the key's name
    """Send every event of this level and above to ``stream`` (standard output).

    ``level`` and ``format`` are the values of [log]. Calling it again replaces the first.
    """
    out = sys.stdout if stream is None else stream
    if isinstance(out, io.TextIOWrapper):
        # A lone surrogate in a fact must not cost the line.
        out.reconfigure(errors="backslashreplace")
    handler = logging.StreamHandler(out)
    handler.setFormatter(JsonLines() if format == "json" else TextLines())
    root = logging.getLogger()
    # Only ours: what a test put there stays.
    for before in root.handlers[:]:
        if isinstance(before.formatter, TextLines | JsonLines):
            root.removeHandler(before)
    root.addHandler(handler)
    root.setLevel(_LEVELS[level])
    # One connection's faults are the edge's to report, in one line.
    logging.getLogger("hypercorn").setLevel(max(_LEVELS[level], logging.WARNING))


class TextLines(logging.Formatter):
    """``2026-01-31T12:00:00.000Z INFO relayd.daemon started port=8080``; tracebacks below it."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the traceback indented beneath, so that it reads as one event."""
        event = "".join(_escaped(one) for one in record.getMessage())
        words = [_moment(record), record.levelname, record.name, event]
        words += [f"{key}={_quoted(value)}" for key, value in _facts(record).items()]
        return "\n".join([" ".join(words), *_traceback_lines(self, record)])


class JsonLines(logging.Formatter):
    """One JSON object a line; the facts stand beside ``time``, ``level``, ``source``, ``event``."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, the traceback inside it as a text."""
        facts = {key: _plain(value) for key, value in _facts(record).items()}
        line = facts | {
            "time": _moment(record),
            "level": record.levelname.lower(),
            "source": record.name,
            "event": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, allow_nan=False)


def _facts(record: logging.LogRecord) -> Mapping[str, Any]:
    facts = getattr(record, "facts", {})
    assert isinstance(facts, Mapping)
    return facts


def _moment(record: logging.LogRecord) -> str:
    moment = dt.datetime.fromtimestamp(record.created, tz=dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(value: Any) -> Any:
    """A JSON value. Anything else is shown as its text, so a secret shows as hidden."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float) and value == value and abs(value) != float("inf"):  # noqa: PLR0124 - nan
        return value
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, BaseException):
        value = f"{type(value).__name__}: {value}"
    elif isinstance(value, dt.datetime):
        value = value.isoformat()
    elif isinstance(value, float):
        value = f"{value:.6g}"
    elif not isinstance(value, str | uuid.UUID):
        value = repr(value) if isinstance(value, bytes | list | tuple | dict) else str(value)
    text = str(value)
    if len(text) > _FACT_CHARACTERS_MAX:
        text = f"{text[:_FACT_CHARACTERS_MAX]}… ({len(text)} characters)"
    return text


def _quoted(value: Any) -> str:
    """Logfmt: bare where that is unambiguous, else in quotes with everything escaped."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = _text(value)
    bare = text and text.isprintable() and not any(one in text for one in ' "=\\')
    if bare and text != "-":
        return text
    inside = "".join("\\" + one if one in '"\\' else _escaped(one) for one in text)
    return f'"{inside}"'


def _escaped(one: str) -> str:
    if one.isprintable():
        return one
    return one.encode("unicode_escape").decode("ascii")


def _traceback_lines(formatter: logging.Formatter, record: logging.LogRecord) -> list[str]:
    if not record.exc_info:
        return []
    # Every line is indented: none can pass for an event of its own.
    return [f"    {line}" for line in formatter.formatException(record.exc_info).splitlines()]
