"""The hosted pages: what is bought or subscribed to, and buttons for all that people may do."""

from html import escape
from typing import Final
from urllib.parse import quote

from tests.stripe_standin.account import Account
from tests.stripe_standin.api import Answer
from tests.stripe_standin.requests import ApiError
from tests.stripe_standin.shapes import Json

__all__ = ["PORTAL", "RECEIPTS", "answer_page"]

_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:28rem;margin:3rem auto;padding:0 1rem}"
    "button{font:inherit;padding:.6rem 1rem;margin:.3rem 0;width:100%}"
    "strong{font-size:2rem;display:block}"
)
PORTAL: Final = "/portal/"
RECEIPTS: Final = "/receipts/"
_PLACEHOLDER: Final = "{CHECKOUT_SESSION_ID}"


def answer_page(account: Account, method: str, path: str) -> Answer:
    """GET /pay/<session>, …/bank, /receipts/<charge>, /portal/<session>; POST …/<what is done>."""
    if path.startswith(RECEIPTS):
        return _receipt(account, path.removeprefix(RECEIPTS))
    if path.startswith(PORTAL):
        return _portal(account, method, path.removeprefix(PORTAL))
    key, _, action = path.removeprefix("/pay/").partition("/")
    try:
        session = account.checkout.get(key)
        if method == "POST":
            return _do(account, session, action)
        return _bank(session) if action == "bank" else _shown(account, session)
    except ApiError as error:
        return _page(error.status, "Something went wrong", f"<p>{escape(str(error))}</p>")


def _receipt(account: Account, key: str) -> Answer:
    charge = account.records.tables["ch"].get(key)
    if charge is None or charge["receipt_url"] is None:
        return _page(404, "Something went wrong", "<p>There is no such receipt.</p>")
    back = charge["amount_refunded"]
    body = f"<strong>{_price(charge['amount'], charge['currency'])}</strong>"
    if back:
        body += f"<p>Refunded: {_price(back, charge['currency'])}</p>"
    return _page(200, "Receipt", body)


def _portal(account: Account, method: str, path: str) -> Answer:
    """A customer's subscriptions, each with a button that ends it with its period, or not."""
    key, _, action = path.partition("/")
    try:
        opened = account.records.get("bps", key)
        if method == "POST":
            subscription_id, _, choice = action.partition("/")
            params = {"cancel_at_period_end": choice == "cancel"}
            account.subscriptions.update(subscription_id, params)
            return _redirect(f"{PORTAL}{key}")
    except ApiError as error:
        return _page(error.status, "Something went wrong", f"<p>{escape(str(error))}</p>")
    own = [one for one in account.records.all("sub") if one["customer"] == opened["customer"]]
    body = "".join(_subscribed(key, one) for one in own)
    back = escape(opened["return_url"] or "")
    return _page(200, "Billing", f"{body}<p><a id='return' href='{back}'>Return</a></p>")


def _subscribed(key: str, subscribed: Json) -> str:
    ends = subscribed["cancel_at_period_end"]
    action, label = ("keep", "Don't cancel") if ends else ("cancel", "Cancel plan")
    state = "ends with its period" if ends else subscribed["status"]
    button = (
        f"<form method='post' action='{PORTAL}{key}/{subscribed['id']}/{action}'>"
        f"<button id='{action}' type='submit'>{label}</button></form>"
    )
    return f"<p>PRO: {state}</p>{'' if subscribed['status'] == 'canceled' else button}"


def _do(account: Account, session: Json, action: str) -> Answer:
    key = session["id"]
    checkout = account.checkout
    match action:
        case "pay":
            checkout.pay(key)
            return _redirect(_success_url(session))
        case "decline":
            checkout.decline(key)
            return _redirect(f"/pay/{key}?declined")
        case "pay-later":
            checkout.pay_later(key)
            return _redirect(f"/pay/{key}/bank")
        case "cancel":
            # The session stays open: the customer may come back.
            return _redirect(session["cancel_url"] or f"/pay/{key}")
        case "succeeds":
            checkout.succeed(key)
        case "fails":
            checkout.fail(key)
        case _:
            raise ApiError(404, "There is no such button.")
    return _redirect(f"/pay/{key}/bank")


def _shown(account: Account, session: Json) -> Answer:
    if session["status"] == "expired":
        return _page(200, "This session has expired", "<p>Nothing was charged.</p>")
    if session["status"] == "complete":
        return _page(200, "You are all done here", _back(session))
    lines = "".join(
        f"<li>{escape(one['description'])}: {_price(one['amount_total'], one['currency'])}</li>"
        for one in account.records.line_items[session["id"]]
    )
    total = _price(session["amount_total"], session["currency"])
    buttons = "".join(
        _button(session, action, label)
        for action, label in (
            ("pay", "Pay"),
            ("pay-later", "Pay later"),
            ("decline", "Pay with a card that is declined"),
            ("cancel", "Cancel"),
        )
    )
    return _page(200, "Pay", f"<strong>{total}</strong><ul>{lines}</ul>{buttons}")


def _bank(session: Json) -> Answer:
    state = {"paid": "The bank has paid.", "unpaid": "The bank takes its time."}
    body = f"<p id='state'>{state[session['payment_status']]}</p>{_back(session)}"
    if session["payment_status"] == "unpaid":
        body += _button(session, "succeeds", "Payment succeeds")
        body += _button(session, "fails", "Payment fails")
    return _page(200, "At the bank", body)


def _back(session: Json) -> str:
    return f"<p><a id='return' href='{escape(_success_url(session))}'>Return to the shop</a></p>"


def _button(session: Json, action: str, label: str) -> str:
    target = f"{session['id']}/{action}"
    return (
        f"<form method='post' action='/pay/{target}'>"
        f"<button id='{action}' type='submit'>{label}</button></form>"
    )


def _success_url(session: Json) -> str:
    url: str = session["success_url"]
    return url.replace(_PLACEHOLDER, quote(session["id"]))


def _price(cents: int, currency: str) -> str:
    return f"{cents // 100}.{cents % 100:02} {currency.upper()}"


def _redirect(url: str) -> Answer:
    return Answer(303, {"Location": url}, b"")


def _page(status: int, title: str, body: str) -> Answer:
    html = (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{title} - Stand-in"
        " Stripe</title><meta name='viewport' content='width=device-width,initial-scale=1'>"
        "<link rel='icon' href='data:,'>"
        f"<style>{_STYLE}</style></head><body><main><h1>{title}</h1>{body}</main></body></html>"
    )
    return Answer(status, {"Content-Type": "text/html; charset=utf-8"}, html.encode())
