"""Accounts in which something has happened, for tests of the stand-in itself."""

from typing import Any

from tests.stripe_standin.account import Account
from tests.stripe_standin.shapes import Json

__all__ = ["ORDER", "everything", "ordered", "subscribed"]

# A request for a session as the SDK encodes it: leaves are texts.
ORDER: dict[str, Any] = {
    "mode": "payment",
    "client_reference_id": "purchase-1",
    "line_items": [
        {
            "price_data": {
                "currency": "usd",
                "unit_amount": "1900",
                "product_data": {"name": "500 minutes"},
            },
            "quantity": "1",
        }
    ],
    "metadata": {"purchase": "1"},
    "payment_intent_data": {"metadata": {"purchase": "1", "of": "the intent"}},
    "success_url": "https://relayd.test/billing/success?session_id={CHECKOUT_SESSION_ID}",
    "cancel_url": "https://relayd.test/billing/cancel",
}


def ordered(account: Account, **more: Any) -> Json:
    """A session that is open."""
    return account.checkout.create({**ORDER, **more})


def subscribed(account: Account, **more: Any) -> Json:
    """An open session that begins a subscription."""
    asked = {name: ORDER[name] for name in ("client_reference_id", "success_url", "cancel_url")}
    line = {"price": account.subscriptions.price(2900)["id"], "quantity": "1"}
    data = {"metadata": {"of": "the subscription"}}
    return account.checkout.create(
        {"mode": "subscription", "line_items": [line], "subscription_data": data, **asked, **more}
    )


def everything() -> Account:
    """An account that has seen all that can happen."""
    account = Account()
    checkout = account.checkout
    customer = account.customers.create({"email": "jo@example.org", "name": "Jo"})
    account.customers.update(customer["id"], {"metadata": {"user": "1"}})
    checkout.expire(ordered(account)["id"])
    late, never = ordered(account)["id"], ordered(account)["id"]
    checkout.pay_later(late)
    checkout.succeed(late)
    checkout.pay_later(never)
    checkout.fail(never)
    paid = ordered(account, customer=customer["id"])["id"]
    checkout.decline(paid)
    checkout.pay(paid)
    failed = account.refund(paid, 100)
    account.refunds.turn(failed["id"], "failed")
    pending = account.refund(paid, 200, "pending")
    account.refunds.turn(pending["id"], "succeeded")
    account.refund(late)
    inquiry = account.dispute(paid, 300, inquiry=True)
    account.disputes.respond(inquiry["id"])
    account.disputes.close(inquiry["id"], "warning_closed")
    dispute = account.dispute(paid)
    account.disputes.withdraw(dispute["id"])
    account.disputes.respond(dispute["id"])
    account.disputes.reinstate(dispute["id"])
    account.disputes.close(dispute["id"], "won")
    _subscriptions(account)
    return account


def _subscriptions(account: Account) -> None:
    """Paid, renewed, paid after all, given back, disputed, ended; paid late; never paid."""
    subscriptions, checkout = account.subscriptions, account.checkout
    first = subscribed(account)["id"]
    checkout.decline(first)
    began = checkout.pay(first)
    subscriptions.renew(began["subscription"])
    renewed = subscriptions.renew(began["subscription"], paid=False)
    subscriptions.retry(renewed["latest_invoice"], paid=False)
    subscriptions.retry(renewed["latest_invoice"], paid=True)
    account.refund(began["invoice"], 100)
    account.dispute(renewed["latest_invoice"])
    subscriptions.open_portal({"customer": began["customer"], "return_url": "https://x.test"})
    subscriptions.update(began["subscription"], {"cancel_at_period_end": "true"})
    subscriptions.renew(began["subscription"])
    late = checkout.pay_later(subscribed(account)["id"])
    checkout.succeed(late["id"])
    unpaid = subscriptions.renew(late["subscription"], paid=False)
    subscriptions.give_up(unpaid["latest_invoice"])
    never = checkout.pay_later(subscribed(account)["id"])
    checkout.fail(never["id"])
    subscriptions.void(never["invoice"])
