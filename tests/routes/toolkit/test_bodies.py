"""JSON bodies, read strictly: nothing a client sends is ever our fault."""

import json
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Meta, UnsetType

from relayd.routes.toolkit.bodies import parse_form, parse_object
from relayd.routes.toolkit.forms import Form
from relayd.routes.toolkit.problems import Problem


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


class Letter(Form):
    """A form of the tests."""

    to: str
    pages: int = 1
    registered: bool = False
    ways: Annotated[list[Literal["air", "land"]], Meta(min_length=1)] | UnsetType = UNSET
    days: Annotated[float, Meta(ge=1, multiple_of=1)] = 1
    about: dict[str, Any] | UnsetType = UNSET


def letter(**fields: Any) -> Letter:
    """What is made of these fields."""
    return parse_form(json.dumps(fields).encode(), Letter)


def test_well_formed() -> None:
    """Unknown fields are none of our business, so clients may be newer than we are."""
    understood = parse_form(b'{"to": "x", "new": [1e400, {"b": null}]}', Letter)
    assert understood == Letter(to="x")


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        ({}, "missing_field", "The field to is missing."),
        ({"pages": 2}, "missing_field", "The field to is missing."),
        ({"to": "x", "pages": "2"}, "invalid_field", "The field pages must be a whole number."),
        ({"to": "x", "pages": 1.5}, "invalid_field", "The field pages must be a whole number."),
        (
            {"to": "x", "registered": 1},
            "invalid_field",
            "The field registered must be true or false.",
        ),
        (
            {"to": "x", "ways": ["ship"]},
            "invalid_field",
            "The field ways has a value that /docs doesn't list.",
        ),
        ({"to": "x", "ways": []}, "invalid_field", "The field ways must have at least 1 items."),
        ({"to": "x", "ways": "air"}, "invalid_field", "The field ways must be a list."),
        ({"to": "x", "ways": [1]}, "invalid_field", "Each item of the field ways must be text."),
        ({"to": "x", "days": 0}, "invalid_field", "The field days must be a number, at least 1."),
        ({"to": "x", "days": 9.5}, "invalid_field", "The field days must be a whole number."),
        ({"to": "x", "about": 7}, "invalid_field", "The field about must be an object."),
    ],
)
def test_wrong_fields(fields: dict[str, Any], code: str, message: str) -> None:
    """What is missing or of another kind is said by its name, and what would be right."""
    with pytest.raises(Problem) as refused:
        letter(**fields)
    assert (refused.value.code, refused.value.label) == (422, code)
    assert refused.value.message == message


@pytest.mark.parametrize("value", [None, 1, 1.5, True, [], {}, ["x"]])
def test_no_text(value: Any) -> None:
    """A field that should be text says so by name when it is not."""
    with pytest.raises(Problem, match="The field to must be text") as refused:
        letter(to=value)
    assert refused.value.code == 422


@pytest.mark.parametrize("value", ["\0", "\ud800", "a\udfffb"])
def test_text_that_can_not_be_stored(value: str) -> None:
    """So does text that no database takes."""
    with pytest.raises(Problem, match="The field to has characters that no text has"):
        letter(to=value)


def test_surrogate_pair() -> None:
    """An escaped pair is one character and therefore text."""
    assert parse_form(b'{"to": "\\ud83d\\ude00"}', Letter).to == "\U0001f600"


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
