"""The forms of JSON that go in and out, each declared once.

A form is a class. It encodes an answer, understands a request's body, and yields its schema for the
description of the interface (JSON Schema 2020-12, as OpenAPI 3.1 has it). Each field carries an
example of its own, and that of a form is made of its fields', so that no example can be left behind
by its schema.

What a constraint may refuse with a code of its own (a password's length, say) is told in the schema
alone, by `Meta.extra_json_schema`; the view judges it.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta

__all__ = [
    "STORABLE",
    "Form",
    "Seconds",
    "Time",
    "encode",
    "told",
    "understand",
]

F = TypeVar("F", bound="Form")

_ENCODER: Final = msgspec.json.Encoder()


class Form(msgspec.Struct):
    """A named JSON object; its docstring's first line says what it is.

    Further fields are allowed: clients ignore what they don't know, in answers as in requests.
    """


def told(about: str, sample: Any, **schema: Any) -> Meta:
    """What a field is, with an example; further keywords stand in the schema and judge nothing."""
    return Meta(description=about, examples=[sample], extra_json_schema=schema or None)


# PostgreSQL has no NUL, and no text has half of a surrogate pair: `bodies` refuses both.
STORABLE: Final = r"^[^\u0000]*$"

Seconds = Annotated[
    float,
    Meta(ge=0),
    told("Seconds of audio, to the millisecond; whole ones without a fraction.", 90.5),
]
Time = Annotated[
    str,
    told("A time (RFC 3339), in UTC.", "2026-03-01T12:00:00+00:00", format="date-time"),
]


def encode(said: Form | Sequence[Form]) -> bytes:
    """As JSON."""
    return _ENCODER.encode(said)


def understand(fields: dict[str, Any], form: type[F]) -> F:
    """A request's fields as a form; raises `msgspec.ValidationError`, which names the field."""
    return msgspec.convert(fields, form)
