"""What is known of a configuration key beside its name, type and default.

It stands as metadata on the attrs field, so that a key is defined once: checking, the
example file, `relayd init` and the house tests all walk the same fields.
"""

import types
from collections.abc import Callable, Iterator
from typing import Any, Final, get_args, get_origin

import attrs

from relayd.config.secret import Secret

__all__ = ["Array", "Form", "Key", "KeyField", "about", "arrays", "of_field", "walk"]

# Returns what is wrong with a text and what would be right, or None.
Form = Callable[[str], str | None]

_METADATA: Final = "relayd.key"


@attrs.frozen
class Key:
    """Why a key has its default, its unit, and what values it takes."""

    why: str
    unit: str = ""
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    # For texts, each item of a list, and what a secret reveals.
    form: Form | None = None
    # For secrets: shorter ones are refused, the empty one too.
    least_bytes: int = 0


@attrs.frozen
class KeyField:
    """One key: its dotted name and the attrs field that defines it."""

    name: str
    key: Key
    field: "attrs.Attribute[Any]"

    @property
    def secret(self) -> bool:
        """Whether its value must not be shown."""
        return self.item is Secret

    @property
    def default(self) -> Any:
        """The value where nobody sets one; `attrs.NOTHING` where somebody must."""
        return self.field.default

    @property
    def item(self) -> Any:
        """The type of its value, or of one item where the value is a list."""
        kind = self.field.type
        if get_origin(kind) is tuple:
            return get_args(kind)[0]
        if isinstance(kind, types.UnionType):  # Path | None
            return next(one for one in get_args(kind) if one is not types.NoneType)
        return kind

    @property
    def several(self) -> bool:
        """Whether the value is a list."""
        return get_origin(self.field.type) is tuple

    @property
    def optional(self) -> bool:
        """Whether an empty text means that it is not set."""
        return isinstance(self.field.type, types.UnionType)


@attrs.frozen
class Array:
    """A list of tables, such as ``[[packages]]``: its dotted name and the class of each table."""

    name: str
    key: Key
    field: "attrs.Attribute[Any]"

    @property
    def table(self) -> type:
        """The class of one table; its own fields are keys."""
        kind: type = get_args(self.field.type)[0]
        return kind

    @property
    def short(self) -> str:
        """Its name in its own section."""
        return self.field.name

    def fields(self, position: int | None = None) -> Iterator[KeyField]:
        """The keys of the table at this position, ``packages[1].id``; of any: ``packages[].id``."""
        place = "" if position is None else str(position)
        return walk(self.table, f"{self.name}[{place}].")


def about(
    why: str,
    *,
    unit: str = "",
    least: float | None = None,
    most: float | None = None,
    choices: tuple[str, ...] = (),
    form: Form | None = None,
    least_bytes: int = 0,
) -> dict[str, Key]:
    """The metadata of a key's attrs field."""
    return {_METADATA: Key(why, unit, least, most, choices, form, least_bytes)}


def of_field(field: "attrs.Attribute[Any]") -> Key | None:
    """What `about` said of this field; None for a field that is no configuration key."""
    key = field.metadata.get(_METADATA)
    assert key is None or isinstance(key, Key)
    return key


def arrays(section: type, prefix: str = "") -> Iterator[Array]:
    """Every list of tables of a section and of the sections in it."""
    for field in attrs.fields(section):
        key = of_field(field)
        if key is None:
            continue
        name = f"{prefix}{field.name}"
        if _is_array(field):
            yield Array(name, key, field)
        elif isinstance(field.type, type) and attrs.has(field.type):
            yield from arrays(field.type, f"{name}.")


def walk(section: type, prefix: str = "") -> Iterator[KeyField]:
    """Every key of a section and of the sections in it, in the order they are written.

    Those in lists of tables are not among them: they have a name for each table of the list.
    """
    for field in attrs.fields(section):
        key = of_field(field)
        if key is None or _is_array(field):
            continue
        name = f"{prefix}{field.name}"
        if isinstance(field.type, type) and attrs.has(field.type):
            yield from walk(field.type, f"{name}.")
        else:
            yield KeyField(name, key, field)


def _is_array(field: "attrs.Attribute[Any]") -> bool:
    items = get_args(field.type) if get_origin(field.type) is tuple else ()
    return bool(items) and isinstance(items[0], type) and attrs.has(items[0])
