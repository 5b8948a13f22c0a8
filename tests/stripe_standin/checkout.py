"""What can happen to a Checkout Session, until it is paid, failed or expired.

The order of the events is Stripe's: the intent's and the charge's first, the session's last.
"""

from typing import Any

import attrs

from tests.stripe_standin import money, shapes
from tests.stripe_standin.ordering import read_order
from tests.stripe_standin.problems import unexpected_state
from tests.stripe_standin.records import Records
from tests.stripe_standin.shapes import Json

__all__ = ["Checkout"]

_DECLINED = {
    "code": "card_declined",
    "decline_code": "generic_decline",
    "message": "Your card was declined.",
    "type": "card_error",
}


@attrs.define(eq=False)
class Checkout:
    """The sessions of an account, and what their customers do."""

    records: Records
    # Where the hosted page is; a server sets its own address.
    pages_url: str = "http://checkout.stand-in.test"

    def create(self, params: dict[str, Any]) -> Json:
        """Open a session."""
        records = self.records
        order = read_order(params, records.now())
        if params.get("customer"):
            records.get("cus", params["customer"], "customer")
        key = records.new_id("cs_test", 58)
        session = shapes.checkout_session(
            key,
            records.now(),
            {**params, "expires_at": order.expires_at},
            currency=order.currency,
            amount=order.amount,
            url=f"{self.pages_url}/pay/{key}",
        )
        records.intent_metadata[key] = order.intent_metadata
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

    def pay(self, key: str) -> Json:
        """The customer pays by card: the money is there at once."""
        session = self._open(key)
        intent = self._confirmed(session, "pm_card_visa")
        charge = self._charged(intent, session, card=True)
        self._settle(intent, charge)
        self._complete(session, "paid")
        return session

    def decline(self, key: str) -> Json:
        """The customer's card is refused; the session stays open for another try."""
        session = self._open(key)
        intent = self._confirmed(session, "pm_card_chargeDeclined")
        charge = self._charged(intent, session, card=True)
        self._refuse(intent, charge)
        return session

    def pay_later(self, key: str) -> Json:
        """The customer pays in a way that takes days: complete, and yet unpaid."""
        session = self._open(key)
        intent = self._confirmed(session, "pm_bank_account")
        intent["status"] = "processing"
        self.records.emit("payment_intent.processing", intent)
        charge = self._charged(intent, session, card=False)
        self.records.emit("charge.pending", charge)
        self._complete(session, "unpaid")
        return session

    def succeed(self, key: str) -> Json:
        """The days have passed, and the money came."""
        session, intent, charge = self._processing(key)
        self._settle(intent, charge)
        session["payment_status"] = "paid"
        self.records.emit("checkout.session.async_payment_succeeded", session)
        return session

    def fail(self, key: str) -> Json:
        """The days have passed, and no money came: complete for ever, unpaid for ever."""
        session, intent, charge = self._processing(key)
        self._refuse(intent, charge)
        self.records.emit("checkout.session.async_payment_failed", session)
        return session

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

    def _confirmed(self, session: Json, method: str) -> Json:
        """The session's intent, made at the first try."""
        records = self.records
        if session["payment_intent"] is None:
            metadata = records.intent_metadata[session["id"]]
            intent = shapes.payment_intent(records.new_id("pi"), records.now(), session, metadata)
            records.add("pi", intent)
            session["payment_intent"] = intent["id"]
            records.emit("payment_intent.created", intent)
        intent = records.get("pi", session["payment_intent"])
        intent["payment_method"] = method
        return intent

    def _charged(self, intent: Json, session: Json, *, card: bool) -> Json:
        records = self.records
        charge = money.charge(records.new_id("ch"), records.now(), intent, session, card=card)
        records.add("ch", charge)
        intent["latest_charge"] = charge["id"]
        return charge

    def _settle(self, intent: Json, charge: Json) -> None:
        amount = charge["amount"]
        charge.update(
            status="succeeded",
            paid=True,
            captured=True,
            amount_captured=amount,
            receipt_url=f"{self.pages_url}/receipts/{charge['id']}",
            balance_transaction=self.records.new_id("txn"),
        )
        self.records.emit("charge.succeeded", charge)
        intent.update(status="succeeded", amount_received=amount, last_payment_error=None)
        self.records.emit("payment_intent.succeeded", intent)

    def _refuse(self, intent: Json, charge: Json) -> None:
        charge.update(
            status="failed",
            failure_code=_DECLINED["code"],
            failure_message=_DECLINED["message"],
        )
        self.records.emit("charge.failed", charge)
        intent.update(
            status="requires_payment_method",
            payment_method=None,
            last_payment_error={**_DECLINED, "charge": charge["id"]},
        )
        self.records.emit("payment_intent.payment_failed", intent)

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

    def _processing(self, key: str) -> tuple[Json, Json, Json]:
        session = self.get(key)
        intent = self.records.tables["pi"].get(session["payment_intent"] or "")
        if intent is None or intent["status"] != "processing":
            raise unexpected_state("No payment of this session is under way.")
        return session, intent, self.records.get("ch", intent["latest_charge"])
