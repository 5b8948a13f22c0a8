"""relayd/cli/toolkit/output.py and the arguments that commands read."""

import argparse
import datetime as dt
import json
import uuid

import pytest

from relayd.cli.credit import _milliseconds
from relayd.cli.toolkit.output import print_json, print_table


def test_a_table_is_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    """Texts to the left, numbers to the right, nothing as a dash."""
    print_table(
        [{"name": "a", "used": 1.5, "end": None}, {"name": "bcd", "used": 10.0, "end": "x"}],
        empty="none",
    )
    assert capsys.readouterr().out.splitlines() == [
        "NAME    USED  END",
        "a      1.500  -",
        "bcd   10.000  x",
    ]


def test_an_empty_table_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """No rows is an answer too."""
    print_table([], empty="no accounts")
    assert capsys.readouterr().out == "no accounts\n"


def test_no_escape_reaches_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """What came from outside can't move the cursor or forge a row."""
    print_table([{"reason": "\x1b[2J\nforged"}], empty="none")
    assert capsys.readouterr().out.splitlines()[1:] == ["?[2J?forged"]


def test_json_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """Times are ISO 8601 in UTC, identifiers texts."""
    moment = dt.datetime(2026, 1, 31, 13, 0, tzinfo=dt.timezone(dt.timedelta(hours=1)))
    print_json({"at": moment, "id": uuid.UUID(int=0), "none": None, "well": True})
    assert json.loads(capsys.readouterr().out) == {
        "at": "2026-01-31T12:00:00Z",
        "id": "00000000-0000-0000-0000-000000000000",
        "none": None,
        "well": True,
    }


@pytest.mark.parametrize(
    ("text", "milliseconds"), [("600", 600_000), ("0.001", 1), ("-120.5", -120_500), ("1e3", 10**6)]
)
def test_seconds_are_exact(text: str, milliseconds: int) -> None:
    """What is typed is what is booked, to the millisecond."""
    assert _milliseconds(text) == milliseconds


@pytest.mark.parametrize("text", ["", "x", "0.0001", "nan", "inf", "1e99", "6oo"])
def test_seconds_that_are_none(text: str) -> None:
    """Nothing is rounded and nothing guessed where money is booked."""
    with pytest.raises(argparse.ArgumentTypeError):
        _milliseconds(text)
