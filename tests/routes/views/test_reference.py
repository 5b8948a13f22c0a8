"""GET /openapi.json, and what the page /docs has to know to show it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from relayd.keys.keys import Keys
from relayd.keys.spelling import Spelling
from tests.fakes.keys import MemoryKeys
from tests.routes.document import document, operations
from tests.routes.world import World

# By what it stands in; webui/assets/reference.js shows each of these, or leaves it out on purpose.
SHOWN: Final[Mapping[str, set[str]]] = {
    "operation": {
        *("operationId", "tags", "summary", "description", "security"),
        *("parameters", "requestBody", "responses"),
    },
    "parameter": {"name", "in", "required", "description", "schema"},
    "body": {"required", "content"},
    "answer": {"description", "headers", "content", "links"},
    "media": {"schema", "example", "examples"},
    "schema": {
        *("$ref", "type", "description", "properties", "required", "items", "examples"),
        *("const", "enum", "format", "minimum", "maximum", "minLength", "maxLength"),
        *("minItems", "maxItems", "multipleOf"),
        # Of no use to a reader: that text holds no NUL.
        "pattern",
        # Of refusals, which are shown by their examples.
        "allOf",
        # A form, or null.
        "anyOf",
    },
}


def parts() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What the document is made of, with what it is."""
    for one in operations().values():
        yield "operation", one
        yield from (("parameter", parameter) for parameter in one.get("parameters", []))
        bodies = [one["requestBody"]] if "requestBody" in one else []
        yield from (("body", body) for body in bodies)
        yield from (("answer", answer) for answer in one["responses"].values())
        for holder in [*bodies, *one["responses"].values()]:
            for media in holder.get("content", {}).values():
                yield "media", media
                yield from schemas(media["schema"])
    for schema in document()["components"]["schemas"].values():
        yield from schemas(schema)


def schemas(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """A schema and those within it."""
    yield "schema", schema
    within = [*schema.get("properties", {}).values(), *schema.get("anyOf", ())]
    for inner in [*within, *filter(None, [schema.get("items")])]:
        yield from schemas(inner)


async def test_made_once() -> None:
    """The document is the same bytes for everybody, and nobody's in particular."""
    world = World()
    first = await world.ask("/openapi.json")
    assert first.content_type == "application/json"
    assert await first.get_data() == await (await world.ask("/openapi.json")).get_data()


async def test_keys_as_they_are_written_here() -> None:
    """Their pattern, and the examples of them, have the prefix that is configured."""
    spelling = Spelling("acme")
    world = World(keys=Keys(MemoryKeys(), spelling))
    text = await (await world.ask("/openapi.json")).get_data(as_text=True)
    assert "wtr_" not in text
    schemes = json.loads(text)["components"]["securitySchemes"]
    assert schemes["key"]["bearerFormat"] == spelling.pattern


def test_the_page_knows_the_document() -> None:
    """A word of OpenAPI that is used for the first time needs a place in the page."""
    for what, part in parts():
        assert set(part) <= SHOWN[what], (what, part)


@pytest.mark.parametrize("schema", document()["components"]["schemas"].values())
def test_shapes_end(schema: Mapping[str, Any]) -> None:
    """No shape is within itself: the page shows each field by its way there."""

    def follow(one: Mapping[str, Any], way: tuple[str, ...]) -> None:
        name = one.get("$ref", "")
        assert not name or name not in way
        if name:
            one = document()["components"]["schemas"][name.rpartition("/")[2]]
        for _, inner in schemas(one):
            if "$ref" in inner:
                follow(inner, (*way, name))

    follow(schema, ())


def test_schemes() -> None:
    """The page words a token in a header, and a cookie."""
    schemes = document()["components"]["securitySchemes"].values()
    kinds = {(one["type"], one.get("in")) for one in schemes}
    assert kinds == {("http", None), ("apiKey", "cookie")}
