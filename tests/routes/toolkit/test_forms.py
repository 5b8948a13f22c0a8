"""One declaration of a form: what it encodes, what it understands, and the schema that says so."""

from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import UNSET, Meta, UnsetType

from relayd.routes.toolkit.forms import Form, Seconds, Time, encode, told, understand
from relayd.routes.toolkit.schemas import Schemas, schema_of


class Leaf(Form):
    """A part of the other one.

    Whatever else is said of it is for who reads the code.
    """

    title: Annotated[str, told("Its title.", "Chapter")]


class Tree(Form):
    """A form of the tests."""

    length: Seconds
    planted_at: Time | None
    kind: Annotated[Literal["oak", "elm"], told("Which.", "elm")]
    leaves: Annotated[list[Leaf], Meta(max_length=3, description="All of them.")]
    standing: Annotated[bool, told("Always.", sample=True, const=True)]
    note: Annotated[str, told("If any.", "old")] | UnsetType = UNSET


TREE = Tree(length=2, planted_at=None, kind="oak", leaves=[Leaf(title="a")], standing=True)


def test_encoded() -> None:
    """Whole numbers stay whole, null is said, and what was not set is left out."""
    assert encode(TREE) == (
        b'{"length":2,"planted_at":null,"kind":"oak","leaves":[{"title":"a"}],"standing":true}'
    )
    assert encode([TREE.leaves[0]] * 2) == b'[{"title":"a"},{"title":"a"}]'


def test_understood() -> None:
    """What was encoded is understood again, what else comes with it is ignored."""
    fields = msgspec.json.decode(encode(TREE))
    assert understand({**fields, "more": 1}, Tree) == TREE
    with pytest.raises(msgspec.ValidationError, match="length"):
        understand({**fields, "length": -1}, Tree)


def test_schema() -> None:
    """The schema follows from the form, in the spelling that the document uses."""
    schemas = Schemas.of([Tree, list[Leaf]])
    assert schemas[Tree] == {"$ref": "#/components/schemas/Tree"}
    assert schemas[list[Leaf]] == {"type": "array", "items": {"$ref": "#/components/schemas/Leaf"}}
    assert schemas.components["Leaf"] == {
        "type": "object",
        "description": "A part of the other one.",
        "properties": {
            "title": {"type": "string", "description": "Its title.", "examples": ["Chapter"]}
        },
        "required": ["title"],
    }
    tree = schemas.components["Tree"]
    assert tree["required"] == ["length", "planted_at", "kind", "leaves", "standing"]
    assert tree["properties"]["length"]["minimum"] == 0
    assert tree["properties"]["planted_at"]["type"] == ["string", "null"]
    assert tree["properties"]["planted_at"]["format"] == "date-time"
    assert tree["properties"]["kind"] == {
        "type": "string",
        "description": "Which.",
        "enum": ["elm", "oak"],
        "examples": ["elm"],
    }
    assert tree["properties"]["leaves"]["maxItems"] == 3


def test_example() -> None:
    """An example is made of the examples of its fields, the optional ones too."""
    schemas = Schemas.of([Tree])
    assert schemas.example(schemas[Tree]) == {
        "length": 90.5,
        "planted_at": "2026-03-01T12:00:00+00:00",
        "kind": "elm",
        "leaves": [{"title": "Chapter"}],
        "standing": True,
        "note": "old",
    }


class Bare(Form):
    """Somebody forgot to say what it holds."""

    field: str


def test_a_field_without_an_example() -> None:
    """A field that shows nothing is a mistake, found when the document is made."""
    schemas = Schemas.of([Bare])
    with pytest.raises(AssertionError, match="without an example"):
        schemas.example(schemas[Bare])


def test_parameter() -> None:
    """A parameter is a plain type with what is told of it."""
    schema = schema_of(Annotated[int, Meta(ge=1), told("How many.", 5)])
    assert schema == {"type": "integer", "minimum": 1, "description": "How many.", "examples": [5]}
