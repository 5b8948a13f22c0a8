"""The stand-in's API without sockets: forms, refusals, what may happen to an object."""

import json
from typing import Any

import pytest

from tests.stripe_standin import Account, Api
from tests.stripe_standin.pages import answer_page
from tests.stripe_standin.records import Records
from tests.stripe_standin.requests import ApiError, parse
from tests.stripe_standin.story import ORDER, ordered

HEADERS = {"authorization": "Bearer sk_test_standin"}
NOW = 1_800_000_000


def ask(api: Api, method: str, target: str, body: str = "", **more: str) -> tuple[int, Any]:
    """One request; its status and what it says."""
    answer = api.answer(method, target, {**HEADERS, **more}, body.encode())
    assert answer is not None
    return answer.status, json.loads(answer.body)


def test_nested_keys_are_a_tree() -> None:
    """Hashes, lists by number, lists by empty brackets."""
    assert parse("a[b][c]=1&l[1][x]=3&l[0][x]=2&expand[]=p&expand[]=q&e=") == {
        "a": {"b": {"c": "1"}},
        "l": [{"x": "2"}, {"x": "3"}],
        "expand": ["p", "q"],
        "e": "",
    }


@pytest.mark.parametrize("text", ["a=1&a[b]=2", "a[b]=2&a=1", "a[b=1", "[a]=1", "%ff=1"])
def test_a_broken_form_is_refused(text: str) -> None:
    """A value that is a hash too, open brackets, no UTF-8."""
    with pytest.raises(ApiError):
        parse(text)


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/v1/refunds", 200),
        ("GET", "/v1/nothing", 404),
        ("DELETE", "/v1/refunds", 404),
        ("POST", "/v1/events", 404),
        ("GET", "/v1/refunds/re_unknown", 404),
        ("GET", "/v1/refunds?limit=0", 400),
        ("GET", "/v1/refunds?colour=red", 400),
        ("GET", "/v1/refunds?created[gte]=x", 400),
        ("GET", "/v1/refunds?starting_after=re_unknown", 404),
    ],
)
def test_what_is_not_there_is_refused(method: str, target: str, status: int) -> None:
    """Unknown paths, objects and parameters are errors in Stripe's shape."""
    answered, value = ask(Api(Account()), method, target)
    assert answered == status
    assert status == 200 or value["error"]["type"] == "invalid_request_error"


def test_another_version_is_refused() -> None:
    """The version is pinned: one that this stand-in does not speak is told at once."""
    status, value = ask(Api(Account()), "GET", "/v1/refunds", **{"stripe-version": "2020-08-27"})
    assert status == 400
    assert "version" in value["error"]["message"]


@pytest.mark.parametrize(
    "broken",
    [
        {"mode": "subscription"},
        {"line_items": []},
        {"line_items": [{"quantity": "1"}]},
        {"success_url": ""},
        {"success_url": "/relative"},
        {"cancel_url": "javascript:alert(1)"},
        {"expires_at": str(NOW + 60)},
        {"expires_at": str(NOW + 90_000)},
        {"client_reference_id": "x" * 201},
        {"metadata": {"k" * 41: "v"}},
        {"metadata": {"k": "v" * 501}},
        {"customer": "cus_unknown"},
        {"colour": "red"},
    ],
)
def test_a_wrong_order_is_refused(broken: dict[str, Any]) -> None:
    """What Stripe would not take is not taken here."""
    account = Account(Records(clock=lambda: NOW))
    with pytest.raises(ApiError):
        ordered(account, **broken)
    assert ordered(account)["status"] == "open"


def test_a_session_expires_by_itself() -> None:
    """After its time it is expired, can't be paid, and an event says so, once."""
    time = [NOW]
    account = Account(Records(clock=lambda: time[0]))
    key = ordered(account, expires_at=str(NOW + 1800))["id"]
    time[0] += 1800
    with pytest.raises(ApiError):
        account.checkout.pay(key)
    assert account.checkout.get(key)["status"] == "expired"
    assert [one["type"] for one in account.events] == ["checkout.session.expired"]


def test_events_come_in_stripes_order() -> None:
    """A delayed payment: completed but unpaid, and days later the money."""
    account = Account()
    key = ordered(account)["id"]
    account.checkout.pay_later(key)
    completed = account.events[-1]
    account.checkout.succeed(key)
    assert completed["data"]["object"]["payment_status"] == "unpaid"
    assert [one["type"] for one in account.events] == [
        "payment_intent.created",
        "payment_intent.processing",
        "charge.pending",
        "checkout.session.completed",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.async_payment_succeeded",
    ]


def test_refunds_never_exceed_a_charge() -> None:
    """Parts add up to the whole, and what failed may be refunded again."""
    account = Account()
    key = ordered(account)["id"]
    account.checkout.pay(key)
    first = account.refund(key, 1000)
    with pytest.raises(ApiError):
        account.refund(key, 901)
    account.refund(key)
    charge = account.charge_of(key)
    assert (charge["amount_refunded"], charge["refunded"]) == (1900, True)
    with pytest.raises(ApiError):
        account.refund(key)
    account.refunds.turn(first["id"], "failed")
    assert (charge["amount_refunded"], charge["refunded"]) == (900, False)
    with pytest.raises(ApiError):
        account.refunds.turn(first["id"], "succeeded")


def test_a_disputed_charge_is_not_refunded_too() -> None:
    """A dispute takes the money itself; an inquiry doesn't."""
    account = Account()
    key = ordered(account)["id"]
    account.checkout.pay(key)
    account.dispute(key, inquiry=True)
    account.refund(key, 100)
    account.dispute(key, 1000)
    with pytest.raises(ApiError):
        account.refund(key, 100)


def test_the_hosted_page_leads_where_stripes_does() -> None:
    """Pay and pay later lead to the success page with the session's id, cancel to the other."""
    account = Account()
    key = ordered(account)["id"]
    shown = answer_page(account, "GET", f"/pay/{key}")
    assert b"500 minutes" in shown.body
    cancelled = answer_page(account, "POST", f"/pay/{key}/cancel")
    assert cancelled.headers["Location"] == ORDER["cancel_url"]
    paid = answer_page(account, "POST", f"/pay/{key}/pay")
    assert (paid.status, paid.headers["Location"]) == (
        303,
        f"https://relayd.test/billing/success?session_id={key}",
    )
    assert answer_page(account, "POST", f"/pay/{key}/pay").status == 400
    assert answer_page(account, "GET", "/pay/cs_unknown").status == 404
