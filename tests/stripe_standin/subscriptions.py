"""Subscriptions and their invoices: begun on a session, renewed, not paid, paid after all, ended.

What recurs is in the hands of a test: a period is over when the test says so.
"""

from collections.abc import Mapping
from typing import Any, Final

import attrs

from tests.stripe_standin import bills
from tests.stripe_standin.payments import Payments
from tests.stripe_standin.records import Records
from tests.stripe_standin.requests import invalid, only, unexpected_state
from tests.stripe_standin.shapes import Json

__all__ = ["PERIOD_SECONDS", "Subscriptions"]

# Months of thirty days.
PERIOD_SECONDS: Final = 30 * 86_400
_ENDED: Final = {"canceled", "incomplete_expired"}
_PORTAL_FIELDS: Final = {"configuration", "customer", "expand", "locale", "return_url"}
_UPDATE_FIELDS: Final = {"cancel_at_period_end", "expand", "metadata"}


@attrs.frozen
class Subscriptions:
    """The prices, subscriptions and invoices of an account."""

    records: Records
    payments: Payments

    def price(self, amount: int, currency: str = "usd", key: str | None = None) -> Json:
        """The seller makes a price, in the dashboard."""
        records = self.records
        made = bills.price(
            key or records.new_id("price"),
            records.now(),
            product=records.new_id("prod", 14),
            amount=amount,
            currency=currency,
        )
        return records.add("price", made)

    def begin(
        self, session: Json, priced: Json, metadata: Mapping[str, str], *, began: int
    ) -> tuple[Json, Json]:
        """A subscription and its first invoice; where it is backdated, it ``began`` long ago."""
        records = self.records
        subscribed = bills.subscription(
            records.new_id("sub"),
            records.now(),
            priced,
            customer=session["customer"],
            metadata=metadata,
        )
        records.add("sub", subscribed)
        subscribed["start_date"] = began
        _turn_period(subscribed, began)
        records.emit("customer.subscription.created", subscribed)
        return subscribed, self._bill(subscribed, "subscription_create", collected=began)

    def renew(self, key: str, *, paid: bool = True) -> Json:
        """A period is over: the next one is billed and paid, or not; or it was the last one."""
        subscribed = self._running(key)
        if subscribed["status"] not in {"active", "past_due"}:
            raise unexpected_state(f"It is {subscribed['status']}, and has no next period.")
        if subscribed["cancel_at_period_end"]:
            return self.end(key)
        collected, began = _period(subscribed)
        _turn_period(subscribed, began)
        billed = self._bill(subscribed, "subscription_cycle", collected=collected)
        self.records.emit("customer.subscription.updated", subscribed, {})
        self._collect(billed, paid=paid)
        return subscribed

    def retry(self, key: str, *, paid: bool) -> Json:
        """An open invoice is tried once more: by Stripe, or by its customer with another card."""
        billed = self.records.get("in", key)
        if billed["status"] not in {"open", "uncollectible"} or self._under_way(billed):
            raise unexpected_state(f"This invoice is {billed['status']}.")
        self._collect(billed, paid=paid)
        return billed

    def give_up(self, key: str) -> Json:
        """An open invoice will not be paid; its subscription ends, as Stripe's settings have it."""
        billed = self.records.get("in", key)
        if billed["status"] != "open":
            raise unexpected_state(f"This invoice is {billed['status']}.")
        billed["status"] = "uncollectible"
        billed["status_transitions"]["marked_uncollectible_at"] = self.records.now()
        self.records.emit("invoice.marked_uncollectible", billed)
        subscribed = self._of(billed)
        if subscribed["status"] not in _ENDED:
            self.end(subscribed["id"])
        return billed

    def void(self, key: str) -> Json:
        """The seller wants nothing for an open invoice."""
        billed = self.records.get("in", key)
        if billed["status"] not in {"open", "uncollectible"} or self._under_way(billed):
            raise unexpected_state(f"This invoice is {billed['status']}.")
        billed["status"] = "void"
        billed["status_transitions"]["voided_at"] = self.records.now()
        self.records.emit("invoice.voided", billed)
        return billed

    def update(self, key: str, params: dict[str, Any]) -> Json:
        """Have it end with its period, or not after all: in the portal, or by the seller."""
        only(params, _UPDATE_FIELDS)
        subscribed = self._running(key)
        previous = {"cancel_at_period_end": subscribed["cancel_at_period_end"]}
        if "cancel_at_period_end" in params:
            ends = str(params["cancel_at_period_end"]).lower() == "true"
            subscribed["cancel_at_period_end"] = ends
            subscribed["cancel_at"] = _period(subscribed)[1] if ends else None
            subscribed["canceled_at"] = self.records.now() if ends else None
        self.records.emit("customer.subscription.updated", subscribed, previous)
        return subscribed

    def end(self, key: str) -> Json:
        """It is over: with its period, or at once where the seller ends it in the dashboard."""
        subscribed = self._running(key)
        now = self.records.now()
        subscribed.update(status="canceled", ended_at=now)
        subscribed["canceled_at"] = subscribed["canceled_at"] or now
        self.records.emit("customer.subscription.deleted", subscribed)
        return subscribed

    def open_portal(self, params: dict[str, Any]) -> Json:
        """A way for a customer to their subscriptions."""
        only(params, _PORTAL_FIELDS)
        if not params.get("customer"):
            raise invalid("customer", "Missing required param: customer.", "parameter_missing")
        records = self.records
        records.get("cus", params["customer"], "customer")
        key = records.new_id("bps")
        opened = bills.portal(
            key,
            records.now(),
            customer=params["customer"],
            return_url=params.get("return_url"),
            url=f"{records.pages_url}/portal/{key}",
        )
        return records.add("bps", opened)

    def pay(self, billed: Json, method: str) -> Json:
        """Begin to pay an invoice; the intent, whose money is yet to come."""
        records = self.records
        owed = {
            "amount_total": billed["amount_due"],
            "currency": billed["currency"],
            "customer": billed["customer"],
            "customer_details": None,
            "payment_method_types": ["card", "us_bank_account"],
        }
        intent = self.payments.intend(owed, {})
        payment = bills.invoice_payment(records.new_id("inpay"), records.now(), billed, intent)
        records.add("inpay", payment)
        billed.update(attempted=True, attempt_count=billed["attempt_count"] + 1)
        self.payments.charge(intent, owed, method)
        return intent

    def settle(self, billed: Json, intent: Json) -> None:
        """The money for an invoice came."""
        now = self.records.now()
        self.payments.settle(intent)
        payment = self._payment_of(intent)
        payment.update(status="paid", amount_paid=billed["amount_due"])
        payment["status_transitions"]["paid_at"] = now
        billed.update(status="paid", amount_paid=billed["amount_due"], amount_remaining=0)
        billed["status_transitions"]["paid_at"] = now
        self.records.emit("invoice_payment.paid", payment)
        self.records.emit("invoice.paid", billed)
        self.records.emit("invoice.payment_succeeded", billed)
        self._turn(self._of(billed), "active")

    def refuse(self, billed: Json, intent: Json) -> None:
        """No money came for an invoice."""
        self.payments.refuse(intent)
        self._payment_of(intent)["status"] = "canceled"
        self.records.emit("invoice.payment_failed", billed)
        self._turn(self._of(billed), "past_due")

    def activate(self, subscribed: Json) -> None:
        """While a bank takes its days, what was subscribed to is given on trust."""
        self._turn(subscribed, "active")

    def _collect(self, billed: Json, *, paid: bool) -> None:
        method = "pm_card_visa" if paid else "pm_card_chargeDeclined"
        intent = self.pay(billed, method)
        outcome = self.settle if paid else self.refuse
        outcome(billed, intent)

    def _bill(self, subscribed: Json, reason: str, *, collected: int) -> Json:
        records = self.records
        billed = bills.invoice(
            records.new_id("in"), records.now(), subscribed, reason=reason, collected=collected
        )
        records.add("in", billed)
        subscribed["latest_invoice"] = billed["id"]
        records.emit("invoice.created", billed)
        records.emit("invoice.finalized", billed)
        return billed

    def _turn(self, subscribed: Json, status: str) -> None:
        previous = subscribed["status"]
        # What has ended stays so, though an old invoice of it be paid.
        if previous in _ENDED or previous == status:
            return
        subscribed["status"] = status
        self.records.emit("customer.subscription.updated", subscribed, {"status": previous})

    def _running(self, key: str) -> Json:
        subscribed = self.records.get("sub", key)
        if subscribed["status"] in _ENDED:
            raise unexpected_state(f"This subscription is {subscribed['status']}.")
        return subscribed

    def _of(self, billed: Json) -> Json:
        return self.records.get("sub", billed["parent"]["subscription_details"]["subscription"])

    def _under_way(self, billed: Json) -> bool:
        """Whether a bank takes its days over it."""
        return any(
            one["status"] == "open" and one["invoice"] == billed["id"]
            for one in self.records.all("inpay")
        )

    def _payment_of(self, intent: Json) -> Json:
        return next(
            one
            for one in self.records.all("inpay")
            if one["payment"]["payment_intent"] == intent["id"]
        )


def _period(subscribed: Json) -> tuple[int, int]:
    item = subscribed["items"]["data"][0]
    return item["current_period_start"], item["current_period_end"]


def _turn_period(subscribed: Json, began: int) -> None:
    item = subscribed["items"]["data"][0]
    item.update(current_period_start=began, current_period_end=began + PERIOD_SECONDS)
