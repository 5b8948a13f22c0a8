"""`expand`: identifiers replaced by the objects that they name, and parts that are left out."""

from collections.abc import Iterable
from typing import Any, Final

from tests.stripe_standin import shapes
from tests.stripe_standin.problems import invalid
from tests.stripe_standin.records import Records, copied
from tests.stripe_standin.shapes import Json

__all__ = ["expanded"]

_DEPTH_MAX: Final = 4
_EXPANDABLE: Final = {
    "charge",
    "customer",
    "latest_charge",
    "payment_intent",
}
_PREFIXES: Final = ("cus", "cs", "pi", "ch", "re", "dp")


def expanded(records: Records, value: Json, paths: Iterable[str]) -> Json:
    """A copy of an object (or of a list's page) with what was asked for in it."""
    copy = copied(value)
    for path in paths:
        names = path.split(".")
        if len(names) > _DEPTH_MAX:
            raise invalid("expand", "You cannot expand more than 4 levels of a property.")
        _expand(records, copy, names, path)
    return copy


def _expand(records: Records, value: Any, names: list[str], path: str) -> None:
    if isinstance(value, list):
        for one in value:
            _expand(records, one, names, path)
        return
    name, *rest = names
    if name == "data" and value.get("object") == "list":
        _expand(records, value["data"], rest, path)
        return
    _include(records, value, name, path)
    if rest and value[name] is not None:
        _expand(records, value[name], rest, path)


def _include(records: Records, value: Json, name: str, path: str) -> None:
    key = value.get("id", "")
    if (value.get("object"), name) == ("checkout.session", "line_items"):
        url = f"/v1/checkout/sessions/{key}/line_items"
        value[name] = shapes.page(url, records.line_items[key], has_more=False)
    elif (value.get("object"), name) == ("charge", "refunds"):
        refunds = [copied(one) for one in records.all("re") if one["charge"] == key]
        value[name] = shapes.page(f"/v1/charges/{key}/refunds", refunds, has_more=False)
    elif name in _EXPANDABLE and name in value:
        if isinstance(value[name], str):
            value[name] = _object(records, value[name])
    else:
        raise invalid("expand", f"This property cannot be expanded ({path}).")


def _object(records: Records, key: str) -> Json:
    prefix = key.split("_", 1)[0]
    assert prefix in _PREFIXES
    return copied(records.get(prefix, key))
