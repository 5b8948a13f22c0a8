"""What an event looks like: one line of text or JSON.

One event is one line whatever its facts hold: a line break from a client's header can't forge a
second event.
"""

import datetime as dt
import json
import logging
import uuid
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["JsonFormatter", "TextFormatter"]

# A fact is a number or a name; whatever is longer came from outside.
_FACT_CHARACTERS_MAX: Final = 1000


class TextFormatter(logging.Formatter):
    """``2026-01-31T12:00:00.000Z INFO relayd.daemon started port=8080``; tracebacks below it."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the traceback indented beneath, so that it reads as one event."""
        event = "".join(_escaped(one) for one in record.getMessage())
        words = [_moment(record), record.levelname, record.name, event]
        words += [f"{key}={_quoted(value)}" for key, value in _facts(record).items()]
        return "\n".join([" ".join(words), *_traceback_lines(self, record)])


class JsonFormatter(logging.Formatter):
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
