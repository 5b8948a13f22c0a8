"""The forms of JSON that go in and out, as JSON Schema (2020-12, as OpenAPI 3.1 has it).

A `Shape` is an object with a name; where one stands within another's fields, the document refers
to it by its name. Each field carries an example of its own, and that of an object is made of its
fields', so that no example can be left behind by its schema.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final

import attrs

__all__ = [
    "SECONDS",
    "TIME",
    "Schema",
    "Shape",
    "example",
    "integer",
    "listing",
    "nullable",
    "number",
    "one_of",
    "text",
    "truth",
    "yes_or_no",
]

Schema = Mapping[str, Any]
# PostgreSQL has no NUL, and no text has half of a surrogate pair.
_STORABLE: Final = r"^[^\u0000]*$"


@attrs.frozen(eq=False)
class Shape:
    """A named object. Every field is there unless it is in ``optional``.

    Further fields are allowed: clients ignore what they don't know, in answers as in requests.
    """

    name: str
    about: str
    fields: Mapping[str, "Schema | Shape"]
    optional: AbstractSet[str] = frozenset()

    def __attrs_post_init__(self) -> None:
        assert self.optional <= set(self.fields), self.name

    @property
    def required(self) -> list[str]:
        """The fields that are always there."""
        return [name for name in self.fields if name not in self.optional]


def text(about: str, sample: str, **constraints: Any) -> Schema:
    """Text; what is sent to us must be storable, which every other text is too.

    A format or a length is stated without that pattern: those who make up values from a document
    search long for one that satisfies both.
    """
    pattern = {} if constraints else {"pattern": _STORABLE}
    return {
        "type": "string",
        "description": about,
        **pattern,
        **constraints,
        "examples": [sample],
    }


def integer(about: str, sample: int, **constraints: Any) -> Schema:
    """A whole number."""
    return {"type": "integer", "description": about, **constraints, "examples": [sample]}


def number(about: str, sample: float, **constraints: Any) -> Schema:
    """A number."""
    return {"type": "number", "description": about, **constraints, "examples": [sample]}


def one_of(about: str, *values: str) -> Schema:
    """One of a few words, the first being the example."""
    return {"type": "string", "description": about, "enum": list(values), "examples": [values[0]]}


def truth(about: str) -> Schema:
    """The field that is there to be true."""
    return {"type": "boolean", "description": about, "const": True, "examples": [True]}


def yes_or_no(about: str) -> Schema:
    """True or false; the example says no."""
    return {"type": "boolean", "description": about, "examples": [False]}


def listing(about: str, of: "Schema | Shape", **constraints: Any) -> Schema:
    """A list of these."""
    return {"type": "array", "description": about, "items": of, **constraints}


def nullable(schema: Schema) -> Schema:
    """The same, or null."""
    return {**schema, "type": [schema["type"], "null"]}


SECONDS: Final = number("Seconds of audio, to the millisecond.", 90.5, minimum=0)
TIME: Final = text("A time (RFC 3339), in UTC.", "2026-03-01T12:00:00+00:00", format="date-time")


def example(schema: Schema | Shape) -> Any:
    """An instance of a schema, made of its fields' examples."""
    if isinstance(schema, Shape):
        return {name: example(field) for name, field in schema.fields.items()}
    if "examples" in schema:
        return schema["examples"][0]
    if schema.get("type") == "array":
        return [example(schema["items"])]
    raise AssertionError(f"a field without an example: {schema}")
