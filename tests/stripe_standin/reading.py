"""What a request reads: lists, filtered, newest first and a page at a time; and `expand`.

Expanding replaces identifiers by the objects that they name, and adds parts that are left out.
"""

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from tests.stripe_standin import shapes
from tests.stripe_standin.records import Records, copied
from tests.stripe_standin.requests import invalid, missing, only
from tests.stripe_standin.shapes import Json

__all__ = ["expanded", "listed"]

_LIMIT_MOST: Final = 100
_LIMIT_DEFAULT: Final = 10
_PAGING: Final = {"limit", "starting_after", "ending_before", "created", "expand"}
_COMPARE: Final[Mapping[str, Callable[[int, int], bool]]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
# Which fields of which objects a list may be narrowed by.
FILTERS: Final[Mapping[str, set[str]]] = {
    "cus": {"email"},
    "cs": {"customer", "payment_intent", "status", "subscription"},
    "pi": {"customer"},
    "ch": {"customer", "payment_intent"},
    "re": {"charge", "payment_intent"},
    "dp": {"charge", "payment_intent"},
    "evt": {"type", "types", "delivery_success"},
    "price": {"active", "product"},
    "sub": {"customer", "status"},
    "in": {"customer", "status", "subscription"},
    "inpay": {"invoice", "payment", "status"},
}
_DEPTH_MAX: Final = 4
_EXPANDABLE: Final = {
    "charge",
    "customer",
    "invoice",
    "latest_charge",
    "latest_invoice",
    "payment_intent",
    "subscription",
}
_PREFIXES: Final = ("cus", "cs", "pi", "ch", "re", "dp", "sub", "in")


def listed(prefix: str, values: Iterable[Json], params: Mapping[str, Any], url: str) -> Json:
    """The page that a request asks for, of values that come newest first."""
    only(params, _PAGING | FILTERS[prefix])
    if "created" in params:
        _created(0, params["created"])  # An empty list refuses nonsense too.
    wanted = [one for one in values if _fits(one, params)]
    limit = _number(params.get("limit", _LIMIT_DEFAULT), "limit")
    if not 1 <= limit <= _LIMIT_MOST:
        raise invalid("limit", "limit is between 1 and 100.")
    if "ending_before" in params:
        before = wanted[: _place(wanted, params["ending_before"], "ending_before")]
        return shapes.page(url, before[-limit:], has_more=len(before) > limit)
    if "starting_after" in params:
        wanted = wanted[_place(wanted, params["starting_after"], "starting_after") + 1 :]
    return shapes.page(url, wanted[:limit], has_more=len(wanted) > limit)


def _fits(value: Json, params: Mapping[str, Any]) -> bool:
    return all(
        _matches(value, name, wanted)
        for name, wanted in params.items()
        if name == "created" or name not in _PAGING
    )


def _matches(value: Json, name: str, wanted: Any) -> bool:
    special = _SPECIAL.get((value["object"], name)) or _SPECIAL.get(("", name))
    return special(value, wanted) if special else bool(value[name] == wanted)


def _of_type(value: Json, wanted: str) -> bool:
    if wanted.endswith("*"):
        return bool(value["type"].startswith(wanted[:-1]))
    return bool(value["type"] == wanted)


def _of_subscription(value: Json, wanted: str) -> bool:
    return bool(value["parent"]["subscription_details"]["subscription"] == wanted)


def _with_status(value: Json, wanted: str) -> bool:
    return wanted == "all" or bool(value["status"] == wanted)


def _delivered(value: Json, wanted: str) -> bool:
    delivered: bool = value["pending_webhooks"] == 0
    return delivered is (wanted == "true")


def _of_payment(value: Json, wanted: Any) -> bool:
    only(wanted, {"payment_intent", "type"})
    if wanted.get("type") != "payment_intent":
        raise invalid("payment[type]", "Invalid payment[type]: must be payment_intent.")
    return bool(value["payment"]["payment_intent"] == wanted.get("payment_intent"))


def _created(created: int, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        only(wanted, _COMPARE)
        return all(
            _COMPARE[name](created, _number(bound, f"created[{name}]"))
            for name, bound in wanted.items()
        )
    return created == _number(wanted, "created")


# Filters that are more than a comparison, of one kind of objects or of all that have them.
_SPECIAL: Final[Mapping[tuple[str, str], Callable[[Json, Any], bool]]] = {
    ("", "created"): lambda value, wanted: _created(value["created"], wanted),
    ("event", "types"): lambda value, wanted: value["type"] in wanted,
    ("event", "type"): _of_type,
    ("event", "delivery_success"): _delivered,
    ("invoice", "subscription"): _of_subscription,
    ("invoice_payment", "payment"): _of_payment,
    ("subscription", "status"): _with_status,
}


def _place(values: list[Json], key: str, param: str) -> int:
    for place, value in enumerate(values):
        if value["id"] == key:
            return place
    raise missing("object", key, param)


def _number(value: Any, param: str) -> int:
    if not str(value).isdigit():
        raise invalid(param, f"Invalid integer: {value}", "parameter_invalid_integer")
    return int(value)


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
    elif (value.get("object"), name) == ("invoice", "payments"):
        payments = [copied(one) for one in records.all("inpay") if one["invoice"] == key]
        value[name] = shapes.page(f"/v1/invoices/{key}/payments", payments, has_more=False)
    elif name in _EXPANDABLE and name in value:
        if isinstance(value[name], str):
            value[name] = _object(records, value[name])
    else:
        raise invalid("expand", f"This property cannot be expanded ({path}).")


def _object(records: Records, key: str) -> Json:
    prefix = key.split("_", 1)[0]
    assert prefix in _PREFIXES
    return copied(records.get(prefix, key))
