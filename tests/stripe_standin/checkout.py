"""Checkout Sessions: what can happen until one is paid, failed or expired.

The order of the events is Stripe's: the intent's and the charge's first, then those of what it
subscribed to, the session's last.
"""

from typing import Any

import attrs

from tests.stripe_standin import shapes
from tests.stripe_standin.orders import read_order
from tests.stripe_standin.payments import Payments
from tests.stripe_standin.records import Records
from tests.stripe_standin.requests import unexpected_state
from tests.stripe_standin.shapes import Json
from tests.stripe_standin.subscriptions import Subscriptions

__all__ = ["Checkout"]

_DECLINED = {
    "code": "card_declined",
    "decline_code": "generic_decline",
    "message": "Your card was declined.",
    "type": "card_error",
}


@attrs.frozen
class Checkout:
    """The sessions of an account, and what their customers do."""

    records: Records
    payments: Payments
    subscriptions: Subscriptions

    def create(self, params: dict[str, Any]) -> Json:
        """Open a session."""
        records = self.records
        order = read_order(params, records.now(), records.get)
        if params.get("customer"):
            records.get("cus", params["customer"], "customer")
        key = records.new_id("cs_test", 58)
        session = shapes.checkout_session(
            key,
            records.now(),
            {**params, "expires_at": order.expires_at},
            currency=order.currency,
            amount=order.amount,
            url=f"{records.pages_url}/pay/{key}",
        )
        records.orders[key] = order
        records.line_items[key] = [
            shapes.line_item(records.new_id("li"), name, order.currency, unit_amount, quantity)
            for name, unit_amount, quantity in order.lines
        ]
        # No event: Stripe has none for a session that is opened.
        return records.add("cs", session)

    def get(self, key: str) -> Json:
        """A session, expired first if it is time."""
        session = self.records.get("cs", key)
        if session["status"] == "open" and self.records.clock() >= session["expires_at"]:
            self._expire(session)
        return session

    def expire(self, key: str) -> Json:
        """Close an open session; its customer can pay no more."""
        session = self._open(key)
        self._expire(session)
        return session

    def pay(self, key: str, *, began_seconds_ago: int = 0) -> Json:
        """The customer pays by card: the money is there at once.

        A subscription may be backdated: its first period began so long ago.
        """
        session = self._open(key)
        if self._subscribes(session):
            billed, intent = self._subscribe(session, "pm_card_visa", began_seconds_ago)
            self.subscriptions.settle(billed, intent)
        else:
            intent = self._confirmed(session)
            self.payments.charge(intent, session, "pm_card_visa")
            self.payments.settle(intent)
        self._complete(session, "paid")
        return session

    def decline(self, key: str) -> Json:
        """The customer's card is refused; the session stays open for another try."""
        session = self._open(key)
        intent = self._confirmed(session)
        self.payments.charge(intent, session, "pm_card_chargeDeclined")
        self.payments.refuse(intent)
        if self._subscribes(session):
            # Nothing is subscribed to yet, and no payment is the session's own.
            session["payment_intent"] = None
        return session

    def pay_later(self, key: str) -> Json:
        """The customer pays in a way that takes days: complete, and yet unpaid."""
        session = self._open(key)
        if self._subscribes(session):
            self._subscribe(session, "pm_bank_account", 0)
            self.subscriptions.activate(self.records.get("sub", session["subscription"]))
        else:
            self.payments.charge(self._confirmed(session), session, "pm_bank_account")
        self._complete(session, "unpaid")
        return session

    def succeed(self, key: str) -> Json:
        """The days have passed, and the money came."""
        session, intent = self._processing(key)
        if self._subscribes(session):
            self.subscriptions.settle(self.records.get("in", session["invoice"]), intent)
        else:
            self.payments.settle(intent)
        session["payment_status"] = "paid"
        self.records.emit("checkout.session.async_payment_succeeded", session)
        return session

    def fail(self, key: str) -> Json:
        """The days have passed, and no money came: complete for ever, unpaid for ever."""
        session, intent = self._processing(key)
        if self._subscribes(session):
            self.subscriptions.refuse(self.records.get("in", session["invoice"]), intent)
        else:
            self.payments.refuse(intent)
        self.records.emit("checkout.session.async_payment_failed", session)
        return session

    def _subscribes(self, session: Json) -> bool:
        return self.records.orders[session["id"]].price is not None

    def _subscribe(self, session: Json, method: str, ago: int) -> tuple[Json, Json]:
        """What was ordered begins, and its first invoice is about to be paid by the intent."""
        records = self.records
        order = records.orders[session["id"]]
        assert order.price is not None
        if session["customer"] is None:
            made = shapes.customer(
                records.new_id("cus", 14), records.now(), {"email": session["customer_email"]}
            )
            session["customer"] = records.add("cus", made)["id"]
        subscribed, billed = self.subscriptions.begin(
            session, order.price, order.intent_metadata, began=records.now() - ago
        )
        session.update(subscription=subscribed["id"], invoice=billed["id"])
        return billed, self.subscriptions.pay(billed, method)

    def _open(self, key: str) -> Json:
        session = self.get(key)
        if session["status"] != "open":
            message = "Only Checkout Sessions with a status in [open] can be used."
            raise unexpected_state(f"{message} This one is {session['status']}.")
        return session

    def _expire(self, session: Json) -> None:
        session["status"] = "expired"
        session["url"] = None
        self.records.emit("checkout.session.expired", session)

    def _confirmed(self, session: Json) -> Json:
        """The session's intent, made at the first try."""
        if session["payment_intent"] is None:
            metadata = self.records.orders[session["id"]].intent_metadata
            session["payment_intent"] = self.payments.intend(session, metadata)["id"]
        return self.records.get("pi", session["payment_intent"])

    def _complete(self, session: Json, payment_status: str) -> None:
        customer = self.records.tables["cus"].get(session["customer"] or "", {})
        session.update(
            status="complete",
            payment_status=payment_status,
            url=None,
            customer_details={
                "address": None,
                "business_name": None,
                "email": customer.get("email") or session["customer_email"] or "jo@example.com",
                "individual_name": None,
                "name": "Jenny Rosen",
                "phone": None,
                "tax_exempt": "none",
                "tax_ids": [],
            },
        )
        self.records.emit("checkout.session.completed", session)

    def _processing(self, key: str) -> tuple[Json, Json]:
        session = self.get(key)
        intent = self.records.tables["pi"].get(self.records.intent_of(session) or "")
        if intent is None or intent["status"] != "processing":
            raise unexpected_state("No payment of this session is under way.")
        return session, intent
