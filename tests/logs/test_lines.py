"""relayd/logs/lines.py, as the events of a source come out."""

import datetime as dt
import io
import json
import logging
from typing import Any

import pytest

from relayd import logs
from relayd.config import Secret
from tests.conftest import DeclaredErrors


def logged(form: str, event: str, level: str = "info", **facts: Any) -> str:
    """What one event writes."""
    out = io.StringIO()
    logs.configure(level, form, out)
    root = logging.getLogger()
    *others, ours = root.handlers
    # What pytest collects for its reports can't hold half a surrogate pair.
    root.handlers[:] = [ours]
    logs.get("relayd.test").info(event, **facts)
    root.handlers[:] = [*others, ours]
    return out.getvalue()


def test_a_line_of_text() -> None:
    """Time in UTC, level, source, event, then the facts in logfmt."""
    line = logged("text", "session ended", user="u1", seconds=1.5, none=None, drained=True)
    moment, _, rest = line.partition(" ")
    assert dt.datetime.fromisoformat(moment).utcoffset() == dt.timedelta(0)
    assert rest == "INFO relayd.test session ended user=u1 seconds=1.5 none=- drained=yes\n"


def test_a_line_of_json() -> None:
    """One object, the facts beside what every line has; numbers stay numbers."""
    line = json.loads(logged("json", "session ended", user="u1", ms=7, share=0.5))
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info",
        "source": "relayd.test",
        "event": "session ended",
        "user": "u1",
        "ms": 7,
        "share": 0.5,
    }


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    "value", ["a\nb", "a\r\nINFO forged", "\x1b[31m", "\u2028", "\x85", "\ud800", b"\n", "\0"]
)
def test_one_event_is_one_line(form: str, value: object) -> None:
    """Nothing in a fact or an event starts a second line or reaches the terminal raw."""
    written = logged(form, f"event {value!s}", fact=value)
    assert written.isascii()
    assert len(written.splitlines()) == 1
    assert written[:-1].isprintable()


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("plain", "plain"),
        ("two words", '"two words"'),
        ('a"b=c\\', r'"a\"b=c\\"'),
        ("", '""'),
        ("-", '"-"'),
        ("é", "é"),
        (ValueError("no room"), '"ValueError: no room"'),
        (0.1 + 0.2, "0.3"),
    ],
)
def test_values_are_quoted_where_needed(value: object, written: str) -> None:
    """A value can be read back: it is bare only where that is unambiguous."""
    assert logged("text", "e", fact=value).endswith(f" fact={written}\n")


def test_a_long_value_is_cut() -> None:
    """A client can't fill the disk with one header."""
    assert len(logged("text", "e", fact="x" * 100_000)) < 1200


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_secret_never_prints(form: str) -> None:
    """A secret that ends up in a fact shows as hidden, alone and inside a list."""
    written = logged(form, "e", key=Secret("sesame"), keys=[Secret("sesame")])
    assert "sesame" not in written
    assert "***" in written


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {"a": 1}])
def test_any_value_is_valid_json(value: object) -> None:
    """No fact can break the line for a parser."""
    json.loads(logged("json", "e", fact=value), parse_constant=pytest.fail)


def test_facts_do_not_replace_what_every_line_has() -> None:
    """A fact named like a field of the line loses."""
    line = json.loads(logged("json", "e", source="forged", time="never"))
    assert line["source"] == "relayd.test"
    assert line["time"] != "never"


def test_configuring_again_replaces() -> None:
    """An event is written once, to where the last call said."""
    first = io.StringIO()
    logs.configure("info", "text", first)
    assert logged("text", "e") != ""
    assert first.getvalue() == ""


def test_a_traceback_stays_readable(declared_errors: DeclaredErrors) -> None:
    """In text it stands below its event, indented; in JSON inside the object."""
    written = {}
    for form in ("text", "json"):
        out = io.StringIO()
        logs.configure("info", form, out)
        try:
            [][len("first\nINFO forged")]
        except IndexError:
            logs.get("relayd.test").exception("fault", session="s1")
        declared_errors.expect("fault")
        written[form] = out.getvalue()
    head, *below = written["text"].splitlines()
    assert head.endswith("ERROR relayd.test fault session=s1")
    assert below
    assert all(line.startswith("    ") for line in below)
    assert len(written["json"].splitlines()) == 1
    assert "IndexError: list" in json.loads(written["json"])["traceback"]


def test_the_level_filters() -> None:
    """What is below the configured level is not written."""
    assert logged("text", "e", level="warning") == ""


def test_a_library_speaks_in_the_same_form() -> None:
    """A line that did not come through `Log` has its place too."""
    out = io.StringIO()
    logs.configure("info", "text", out)
    logging.getLogger("psycopg.pool").warning("lost %d", 3)
    assert out.getvalue().endswith("WARNING psycopg.pool lost 3\n")
