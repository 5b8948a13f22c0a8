"""JSON request bodies, read strictly: what is not what it should be is the caller's mistake.

Everything a parser can choke on ends here as a `Problem`, so that no handler ever sees a
duplicate key, a lone surrogate, a NUL (PostgreSQL has none), an infinite number or a nesting
that is deeper than Python's stack.
"""

import json
from typing import Any, Final, NoReturn

from quart import request

from relayd.routes.problems import UNSUPPORTED_MEDIA_TYPE, Refusal

__all__ = [
    "INVALID_FIELD",
    "MALFORMED_JSON",
    "MISSING_FIELD",
    "parse_object",
    "read_bytes",
    "read_object",
    "text_field",
]

MALFORMED_JSON: Final = Refusal(400, "malformed_json", "The body is not valid JSON.")
MISSING_FIELD: Final = Refusal(422, "missing_field", "A field is missing.")
INVALID_FIELD: Final = Refusal(422, "invalid_field", "A field is not what it must be.")


async def read_object() -> dict[str, Any]:
    """The request's JSON object. Length and time are bounded by the application."""
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if request.mimetype != "application/json" or charset not in {"utf-8", "utf8"}:
        raise UNSUPPORTED_MEDIA_TYPE.problem()
    return parse_object(await read_bytes())


async def read_bytes() -> bytes:
    """The request's body as it came."""
    raw = await request.get_data()
    assert isinstance(raw, bytes)
    return raw


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


def text_field(body: dict[str, Any], name: str) -> str:
    """A required field that is text, and text that can be stored."""
    if name not in body:
        raise MISSING_FIELD.problem(f"The field {name} is missing.")
    value = body[name]
    if not isinstance(value, str):
        raise INVALID_FIELD.problem(f"The field {name} must be text.")
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value):
        raise INVALID_FIELD.problem(f"The field {name} has characters that no text has.")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Two parsers may each take another one of two; such a body has no single meaning.
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("duplicate key")
    return fields


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
