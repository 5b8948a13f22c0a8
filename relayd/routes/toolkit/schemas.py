"""The schemas of forms, as the document about the interface shows them, and examples of them. Pure.

msgspec derives them; here they get the spelling that the page /docs and people read: a type beside
each enumeration, ``null`` as another type instead of an alternative, no titles or defaults.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Self

import attrs
import msgspec

__all__ = ["Schema", "Schemas", "schema_of"]

Schema = dict[str, Any]

_PREFIX: Final = "#/components/schemas/"
_NULL: Final = {"type": "null"}
_LEFT_OUT: Final = {"title", "default"}


@attrs.frozen
class Schemas:
    """Those of a document: ``components`` by their names, and what refers to them by its type."""

    components: Mapping[str, Schema]
    _by_type: Mapping[Any, Schema]

    @classmethod
    def of(cls, types: Iterable[Any]) -> Self:
        """Of forms, lists of forms, and all that they hold."""
        kinds = list(dict.fromkeys(types))
        found, components = msgspec.json.schema_components(kinds, ref_template=_PREFIX + "{name}")
        named = {name: _spelled(one) for name, one in sorted(components.items())}
        return cls(named, {kind: _spelled(one) for kind, one in zip(kinds, found, strict=True)})

    def __getitem__(self, kind: Any) -> Schema:
        return self._by_type[kind]

    def example(self, schema: Schema) -> Any:
        """An instance of a schema, made of its fields' examples."""
        if "$ref" in schema:
            return self.example(self.components[schema["$ref"].removeprefix(_PREFIX)])
        if "examples" in schema:
            return schema["examples"][0]
        if "anyOf" in schema:
            return self.example(schema["anyOf"][0])
        if "enum" in schema:
            return schema["enum"][0]
        if schema.get("type") == "array":
            return [self.example(schema["items"])]
        if schema.get("type") == "object":
            return {name: self.example(one) for name, one in schema["properties"].items()}
        raise AssertionError(f"a field without an example: {schema}")


def schema_of(kind: Any) -> Schema:
    """Of a parameter: a plain type with what is told of it."""
    return _spelled(msgspec.json.schema(kind))


def _spelled(schema: Schema) -> Schema:
    made = {name: _part(name, one) for name, one in schema.items() if name not in _LEFT_OUT}
    if "description" in made:
        made["description"] = made["description"].partition("\n")[0]
    if _NULL in made.get("anyOf", ()):
        (other,) = (one for one in made.pop("anyOf") if one != _NULL)
        if "$ref" in other:
            made["anyOf"] = [other, _NULL]
        else:
            made = {**other, **made, "type": [other["type"], "null"]}
            if "enum" in made:
                made["enum"] = [*made["enum"], None]
    elif "enum" in made:
        assert all(isinstance(one, str) for one in made["enum"])
        made["type"] = "string"
    return made


def _part(name: str, value: Any) -> Any:
    if name == "properties":
        return {field: _spelled(one) for field, one in value.items()}
    if name == "anyOf":
        return [_spelled(one) for one in value]
    return _spelled(value) if name == "items" else value
