"""JSON request bodies, read strictly: what is not what it should be is the caller's mistake.

Everything a parser can choke on ends here as a `Problem`, so that no view ever sees a duplicate
key, a lone surrogate, a NUL (PostgreSQL has none), an infinite number or a nesting that is deeper
than Python's stack.
"""

import json
import re
from typing import Any, Final, NoReturn, TypeVar

import msgspec
from quart import request
from werkzeug.exceptions import RequestEntityTooLarge

from relayd.routes.toolkit.forms import Form, understand
from relayd.routes.toolkit.problems import UNSUPPORTED_MEDIA_TYPE, Problem, Refusal, body_too_large

__all__ = [
    "INVALID_FIELD",
    "MALFORMED_JSON",
    "MISSING_FIELD",
    "parse_form",
    "parse_object",
    "read_bytes",
    "read_form",
    "refuse_no_json",
]

F = TypeVar("F", bound=Form)

MALFORMED_JSON: Final = Refusal(400, "malformed_json", "The body is not valid JSON.")
MISSING_FIELD: Final = Refusal(422, "missing_field", "A field is missing.")
INVALID_FIELD: Final = Refusal(422, "invalid_field", "A field is not what it must be.")

# How msgspec words what is wrong with a field.
_MISSING: Final = re.compile(r"missing required field `([^`]+)`")
_EXPECTED: Final = re.compile(
    r"Expected `(\w+)`(?:(?P<length> of length)? (?P<bound>[<>]=) (?P<figure>[\d.]+))?"
    r"(?P<whole> that's a multiple of 1\.)?"
)
# The field, and what of it, such as [0].
_PLACE: Final = re.compile(r" - at `\$\.(\w+)([^`]*)`$")
_WORDS: Final = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
}
_BOUNDS: Final = {">=": "at least", "<=": "at most"}
_PARTS: Final = {"str": "characters", "array": "items"}


async def read_form(form: type[F]) -> F:
    """The request's JSON object as this form. Length and time are bounded by the route's policy."""
    return parse_form(await read_bytes_of_json(), form)


async def read_bytes_of_json() -> bytes:
    """The request's body, which it says is JSON."""
    refuse_no_json(required=True)
    return await read_bytes()


def refuse_no_json(*, required: bool) -> None:
    """Refuse a body by what it says of itself; one that isn't there, where it is ``required``."""
    has_body = request.content_length or "Transfer-Encoding" in request.headers
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    is_json = request.mimetype == "application/json" and charset in {"utf-8", "utf8"}
    if (has_body or required) and not is_json:
        raise UNSUPPORTED_MEDIA_TYPE.problem()


async def read_bytes() -> bytes:
    """The request's body as it came."""
    try:
        raw = await request.get_data()
    except RequestEntityTooLarge:
        # Each route has a policy, and with it a bound.
        assert request.max_content_length is not None
        raise body_too_large(request.max_content_length) from None
    assert isinstance(raw, bytes)
    return raw


def parse_form(raw: bytes, form: type[F]) -> F:
    """A JSON object in UTF-8 as this form, its text such as can be stored."""
    try:
        understood = understand(parse_object(raw), form)
    except msgspec.ValidationError as error:
        raise _problem(str(error)) from None
    for name in form.__struct_fields__:
        value = getattr(understood, name)
        if isinstance(value, str) and any(map(_is_no_text, value)):
            raise INVALID_FIELD.problem(f"The field {name} has characters that no text has.")
    return understood


def parse_object(raw: bytes) -> dict[str, Any]:
    """A JSON object in UTF-8, its keys unique."""
    try:
        parsed = json.loads(
            raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError):
        # ValueError covers broken UTF-8, broken JSON and integers of thousands of digits.
        raise MALFORMED_JSON.problem() from None
    if not isinstance(parsed, dict):
        raise MALFORMED_JSON.problem("The body must be a JSON object.")
    return parsed


def _problem(error: str) -> Problem:
    """What msgspec says, in our codes and words."""
    missing = _MISSING.search(error)
    if missing:
        return MISSING_FIELD.problem(f"The field {missing[1]} is missing.")
    place, expected = _PLACE.search(error), _EXPECTED.match(error)
    if not place:
        return INVALID_FIELD.problem()
    if not expected or expected[1] not in _WORDS:
        return INVALID_FIELD.problem(f"The field {place[1]} has a value that /docs doesn't list.")
    subject = f"Each item of the field {place[1]}" if place[2] else f"The field {place[1]}"
    return INVALID_FIELD.problem(f"{subject} must {_wanted(expected)}.")


def _wanted(expected: re.Match[str]) -> str:
    """What msgspec wants, behind "must"."""
    kind = expected[1]
    if not expected["bound"]:
        return f"be {_WORDS['int' if expected['whole'] else kind]}"
    bound = f"{_BOUNDS[expected['bound']]} {float(expected['figure']):.15g}"
    return f"have {bound} {_PARTS[kind]}" if expected["length"] else f"be {_WORDS[kind]}, {bound}"


def _is_no_text(character: str) -> bool:
    return character == "\0" or "\ud800" <= character <= "\udfff"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Two parsers may each take another one of two; such a body has no single meaning.
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("duplicate key")
    return fields


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
