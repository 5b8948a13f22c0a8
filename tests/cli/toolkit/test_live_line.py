"""The line of a terminal that is rewritten in place."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayd.cli.toolkit.live_line import LiveLine, clock, tail, width


class Terminal(io.StringIO):
    """Standard error on a terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal of 40 columns."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    return Terminal()


def test_the_line_fits(terminal: Terminal) -> None:
    """Status first, then the newest words; never wider than the terminal, one column free."""
    line = LiveLine(terminal)
    line.show("0:01 / 0:09", "many words that do not fit into forty columns, latest")
    shown = terminal.getvalue().removeprefix("\r").removesuffix("\x1b[K")
    assert shown.startswith("0:01 / 0:09  …")
    assert shown.endswith("columns, latest")
    assert width(shown) == 39


def test_the_same_line_is_not_written_twice(terminal: Terminal) -> None:
    """Nothing flickers."""
    line = LiveLine(terminal)
    line.show("0:01", "hello")
    line.show("0:01", "hello")
    assert terminal.getvalue().count("hello") == 1


def test_words_can_not_act_on_the_terminal(terminal: Terminal) -> None:
    """Escape sequences in a server's text are taken out."""
    LiveLine(terminal).show("0:01", "a\x1b]0;owned\x07\r\nb")
    assert terminal.getvalue().count("\x1b") == 1
    assert "\n" not in terminal.getvalue()


def test_notes_stand_above(terminal: Terminal) -> None:
    """A line that stays takes the live line away first."""
    line = LiveLine(terminal)
    line.show("0:01")
    line.note("relayd: something")
    assert terminal.getvalue() == "\r0:01\x1b[K\r\x1b[Krelayd: something\n"


@pytest.mark.parametrize(("term", "tty"), [("dumb", True), ("xterm", False)])
def test_plain_where_it_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, term: str, tty: bool
) -> None:
    """Pipes, files and dumb terminals get no control characters."""
    monkeypatch.setenv("TERM", term)
    stream = Terminal() if tty else io.StringIO()
    line = LiveLine(stream)
    line.show("0:01", "hello")
    line.note("done")
    assert stream.getvalue() == "done\n"


@given(st.text(), st.integers(min_value=0, max_value=50))
def test_tails_fit(text: str, columns: int) -> None:
    """A tail is at most as wide as asked, and text that fits stays whole."""
    assert width(tail(text, columns)) <= columns
    if width(text) <= columns:
        assert tail(text, columns) == text


def test_wide_characters_count_twice() -> None:
    """East Asian characters take two columns, combining ones none."""
    assert width("日本") == 4
    assert width("e\u0301") == 1
    assert tail("日本語", 5) == "…本語"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (61.9, "1:01"), (3600, "1:00:00"), (-3, "0:00")]
)
def test_clock(seconds: float, text: str) -> None:
    """Minutes and seconds, hours where there are some, never negative."""
    assert clock(seconds) == text
