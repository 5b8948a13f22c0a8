"""JSON bodies, read strictly: nothing a client sends is ever our fault."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayd.routes.bodies import parse_object, text_field
from relayd.routes.problems import Problem


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"{",
        b"{}{}",
        b"null",
        b"[]",
        b'"text"',
        b"1",
        b"\xff",
        b"\xef\xbb\xbf{}",
        '{"a": 1}'.encode("utf-16"),
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "b": 2}}',
        b'{"a": ' + b"9" * 60_000 + b"}",
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b"{'a': 1}",
        b'{"a": "\x00"}',
        b'{"a": "\\x"}',
    ],
)
def test_malformed(raw: bytes) -> None:
    """What has no single meaning as a JSON object is a 400."""
    with pytest.raises(Problem) as refused:
        parse_object(raw)
    assert (refused.value.code, refused.value.label) == (400, "malformed_json")


def test_well_formed() -> None:
    """Unknown fields are none of our business, so clients may be newer than we are."""
    body = parse_object(b'{"a": "x", "new": [1e400, {"b": null}]}')
    assert text_field(body, "a") == "x"


@pytest.mark.parametrize("value", [None, 1, 1.5, True, [], {}, ["x"], "\0", "\ud800", "a\udfffb"])
def test_no_text(value: Any) -> None:
    """A field that should be text says so by name when it is not."""
    with pytest.raises(Problem, match="field email") as refused:
        text_field({"email": value}, "email")
    assert refused.value.code == 422


def test_surrogate_pair() -> None:
    """An escaped pair is one character and therefore text."""
    body = parse_object(b'{"a": "\\ud83d\\ude00"}')
    assert text_field(body, "a") == "\U0001f600"


@given(st.binary())
def test_any_bytes(raw: bytes) -> None:
    """Bytes are an object or a `Problem`, nothing else."""
    try:
        parsed = parse_object(raw)
    except Problem as problem:
        refused = problem.code
    else:
        refused = None
        assert parsed == json.loads(raw)
    assert refused in {None, 400}
