"""The stand-in's objects against Stripe's own examples, where a copy of them is at hand."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.stripe_standin import Account
from tests.stripe_standin.story import everything

EXAMPLES: Final = Path(__file__).parents[3] / "shared/reference/stripe-fixtures.json"

# Not shown unless expanded since version 2022-11-15, or gone since 2025-03-31, whatever the example
# says.
LEFT_OUT: Final = {"charge": {"refunds"}, "invoice": {"subscription"}}
# Fields that Stripe documents and that the examples happen not to show.
BESIDE: Final = {
    "refund": {"failure_balance_transaction", "failure_reason"},
    "checkout.session": {"discounts"},
}
PREFIXES: Final = {
    "customer": "cus",
    "checkout.session": "cs",
    "payment_intent": "pi",
    "charge": "ch",
    "refund": "re",
    "dispute": "dp",
    "event": "evt",
    "price": "price",
    "subscription": "sub",
    "invoice": "in",
    "billing_portal.session": "bps",
}
# Nothing tells of these: nobody but their makers knows of them, or they are older than the account.
SILENT: Final = {"event", "customer", "price", "billing_portal.session"}
# Open by nature: any key may stand in them.
FREE: Final = {"metadata", "object", "data", "fraud_details", "last_payment_error"}

if not EXAMPLES.exists():
    pytest.skip("Stripe's examples are not at hand", allow_module_level=True)
RESOURCES: Final[dict[str, Any]] = json.loads(EXAMPLES.read_text())["resources"]


def differences(ours: Any, theirs: Any, at: str) -> Iterator[str]:
    """Where two values differ in kind; null may stand for anything, a hash must have its keys."""
    if ours is None or theirs is None:
        return
    if isinstance(theirs, dict) and isinstance(ours, dict):
        if not theirs or not ours or at.rpartition(".")[2] in FREE:
            return
        for key in ours.keys() - theirs.keys():
            yield f"{at}.{key} is not Stripe's"
        for key in ours.keys() & theirs.keys():
            yield from differences(ours[key], theirs[key], f"{at}.{key}")
    elif type(ours) is not type(theirs):
        yield f"{at} is {type(ours).__name__}, not {type(theirs).__name__}"


def of_object(kind: str, ours: dict[str, Any]) -> list[str]:
    """How an object differs from the example of its kind."""
    theirs = RESOURCES[kind]
    absent = theirs.keys() - ours.keys() - LEFT_OUT.get(kind, set())
    known = {key: value for key, value in ours.items() if key not in BESIDE.get(kind, set())}
    return [f"{kind}.{key} is missing" for key in absent] + list(differences(known, theirs, kind))


def without_bank(value: dict[str, Any]) -> dict[str, Any]:
    """Stripe's example was paid by card; a bank account's details have names of their own."""
    details = value.get("payment_method_details")
    return (
        value
        if not details or details["type"] == "card"
        else {**value, "payment_method_details": None}
    )


@pytest.fixture(scope="module")
def account() -> Account:
    """An account in which everything has happened."""
    return everything()


@pytest.mark.parametrize("kind", PREFIXES)
def test_every_object_has_the_shape_of_stripes_example(kind: str, account: Account) -> None:
    """The same fields, of the same JSON types, at every depth that both show."""
    seen = list(account.records.tables[PREFIXES[kind]].values())
    assert seen
    assert [fault for value in seen for fault in of_object(kind, without_bank(value))] == []


@pytest.mark.parametrize("kind", sorted(PREFIXES.keys() - SILENT))
def test_every_event_holds_an_object_of_its_kind(kind: str, account: Account) -> None:
    """What an event brings has the same shape as what a request for it brings."""
    seen = [event["data"]["object"] for event in account.events]
    fitting = [without_bank(value) for value in seen if value["object"] == kind]
    assert fitting
    assert [fault for value in fitting for fault in of_object(kind, value)] == []


def test_the_check_finds_what_does_not_fit() -> None:
    """A check that finds nothing in a broken object would prove nothing."""
    broken = {**RESOURCES["refund"], "amount": "100", "colour": "red"}
    del broken["charge"]
    found = of_object("refund", broken)
    assert sorted(found) == [
        "refund.amount is str, not int",
        "refund.charge is missing",
        "refund.colour is not Stripe's",
    ]
