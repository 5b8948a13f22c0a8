"""One Stripe account: its records, and all that its seller, its customers and banks can do."""

from typing import Any, Final

import attrs

from tests.stripe_standin import money, shapes
from tests.stripe_standin.checkout import Checkout
from tests.stripe_standin.payments import Payments
from tests.stripe_standin.records import Records
from tests.stripe_standin.requests import checked_metadata, invalid, missing, only, unexpected_state
from tests.stripe_standin.shapes import Json
from tests.stripe_standin.subscriptions import Subscriptions

__all__ = ["CLOSED", "Account"]

_CUSTOMER_FIELDS: Final = {"email", "name", "description", "phone", "metadata", "expand"}
_REFUND_FIELDS: Final = {"amount", "charge", "expand", "metadata", "payment_intent", "reason"}
_REASONS: Final = {"duplicate", "fraudulent", "requested_by_customer", None}
# From where a refund can still go, and whereto.
_NEXT: Final = {
    "pending": {"succeeded", "failed", "canceled"},
    "succeeded": {"failed"},  # A bank may send the money back weeks later.
}
CLOSED: Final = {"won", "lost", "warning_closed"}
_FEE_CENTS: Final = 1500


@attrs.define(eq=False)
class Account:
    """A state machine without I/O. Every change that Stripe tells of is an event in `records`."""

    records: Records = attrs.field(factory=Records)
    customers: "Customers" = attrs.field(init=False)
    subscriptions: Subscriptions = attrs.field(init=False)
    checkout: Checkout = attrs.field(init=False)
    refunds: "Refunds" = attrs.field(init=False)
    disputes: "Disputes" = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.customers = Customers(self.records)
        payments = Payments(self.records)
        self.subscriptions = Subscriptions(self.records, payments)
        self.checkout = Checkout(self.records, payments, self.subscriptions)
        self.refunds = Refunds(self.records)
        self.disputes = Disputes(self.records)

    @property
    def events(self) -> list[Json]:
        """Every event so far, oldest first."""
        return list(self.records.tables["evt"].values())

    def charge_of(self, key: str) -> Json:
        """The charge that paid a session or an invoice, or was the last to try."""
        owed = self.records.get("in", key) if key.startswith("in_") else self.checkout.get(key)
        intent = self.records.tables["pi"].get(self.records.intent_of(owed) or "")
        if intent is None or intent["latest_charge"] is None:
            raise unexpected_state(f"Nothing was charged for {key}.")
        return self.records.get("ch", intent["latest_charge"])

    def refund(self, key: str, amount: int | None = None, status: str = "succeeded") -> Json:
        """The seller gives money back, in the dashboard: all that is left, or a part."""
        params: Json = {"charge": self.charge_of(key)["id"]}
        if amount is not None:
            params["amount"] = amount
        return self.refunds.create(params, status)

    def dispute(self, key: str, amount: int | None = None, *, inquiry: bool = False) -> Json:
        """The customer's bank disputes what paid a session or an invoice."""
        return self.disputes.create(self.charge_of(key)["id"], amount, inquiry=inquiry)


@attrs.frozen
class Customers:
    """The customers of an account."""

    records: Records

    def create(self, params: dict[str, Any]) -> Json:
        """A new one, whether or not the address is known: Stripe does not look."""
        self._check(params)
        created = self.records.now()
        customer = shapes.customer(self.records.new_id("cus", 14), created, params)
        self.records.add("cus", customer)
        self.records.emit("customer.created", customer)
        return customer

    def update(self, key: str, params: dict[str, Any]) -> Json:
        """Change what is named; metadata is merged."""
        self._check(params)
        customer = self.records.get("cus", key)
        for name in ("email", "name", "description", "phone"):
            if name in params:
                customer[name] = params[name] or None
        customer["metadata"].update(params.get("metadata") or {})
        self.records.emit("customer.updated", customer, {})
        return customer

    def _check(self, params: dict[str, Any]) -> None:
        only(params, _CUSTOMER_FIELDS)
        checked_metadata(params.get("metadata"))
        email = params.get("email")
        if email and "@" not in email:
            raise invalid("email", f"Invalid email address: {email}", "email_invalid")


@attrs.frozen
class Refunds:
    """The refunds of an account."""

    records: Records

    def create(self, params: dict[str, Any], status: str = "succeeded") -> Json:
        """Give back all that is left of a charge, or a part; by card it is done at once."""
        only(params, _REFUND_FIELDS)
        checked_metadata(params.get("metadata"))
        if params.get("reason") not in _REASONS:
            raise invalid("reason", f"Invalid reason: {params['reason']}")
        charge = self._charge(params)
        amount = self._amount(params, charge)
        records = self.records
        refund = money.refund(records.new_id("re"), records.now(), charge, amount, params)
        refund["status"] = status
        if status == "succeeded":
            refund["balance_transaction"] = records.new_id("txn")
        records.add("re", refund)
        self._count(charge, amount)
        records.emit("refund.created", refund)
        records.emit("charge.refunded", charge)
        return refund

    def turn(self, key: str, status: str) -> Json:
        """A pending refund ends, or a done one fails after all."""
        refund = self.records.get("re", key)
        previous = refund["status"]
        if status not in _NEXT.get(previous, set()):
            raise unexpected_state(f"A refund that is {previous} can't become {status}.")
        refund["status"] = status
        if status in {"failed", "canceled"}:
            self._count(self.records.get("ch", refund["charge"]), -refund["amount"])
        if status == "failed":
            refund["failure_reason"] = "expired_or_canceled_card"
            refund["failure_balance_transaction"] = self.records.new_id("txn")
            self.records.emit("refund.failed", refund)
        if status == "succeeded":
            refund["balance_transaction"] = self.records.new_id("txn")
        self.records.emit("refund.updated", refund, {"status": previous})
        self.records.emit("charge.refund.updated", refund, {"status": previous})
        return refund

    def _charge(self, params: dict[str, Any]) -> Json:
        if bool(params.get("charge")) == bool(params.get("payment_intent")):
            raise invalid("charge", "One of charge, payment_intent is required.")
        if params.get("charge"):
            charge = self.records.get("ch", params["charge"], "charge")
        else:
            intent = self.records.get("pi", params["payment_intent"], "payment_intent")
            if intent["latest_charge"] is None:
                raise missing("charge", intent["id"], "payment_intent")
            charge = self.records.get("ch", intent["latest_charge"])
        if charge["status"] != "succeeded":
            raise unexpected_state("This charge has not succeeded.", "charge_not_refundable")
        if any(
            dispute["charge"] == charge["id"] and not dispute["is_charge_refundable"]
            for dispute in self.records.all("dp")
        ):
            raise unexpected_state("This charge has been charged back.", "charge_disputed")
        return charge

    def _amount(self, params: dict[str, Any], charge: Json) -> int:
        left: int = charge["amount"] - charge["amount_refunded"]
        if left == 0:
            raise unexpected_state(
                f"Charge {charge['id']} has already been refunded.", "charge_already_refunded"
            )
        text = str(params.get("amount", left))
        if not text.isdigit() or int(text) == 0:
            raise invalid("amount", f"Invalid positive integer: {text}")
        if int(text) > left:
            raise invalid("amount", f"Refund amount ({text}) is greater than what is left ({left})")
        return int(text)

    def _count(self, charge: Json, amount: int) -> None:
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]


@attrs.frozen
class Disputes:
    """The disputes of an account; banks play here, not the seller."""

    records: Records

    def create(self, charge_id: str, amount: int | None = None, *, inquiry: bool = False) -> Json:
        """A bank disputes a charge, or asks about it, which moves no money."""
        records = self.records
        charge = records.get("ch", charge_id)
        if charge["status"] != "succeeded":
            raise unexpected_state("This charge has not succeeded.")
        disputed = charge["amount"] if amount is None else amount
        if not 0 < disputed <= charge["amount"]:
            raise invalid("amount", "A dispute is about a part of the charge.")
        dispute = money.dispute(
            records.new_id("dp"), records.now(), charge, disputed, inquiry=inquiry
        )
        records.add("dp", dispute)
        charge["disputed"] = True
        records.emit("charge.dispute.created", dispute)
        return dispute

    def withdraw(self, key: str) -> Json:
        """The money is taken; an inquiry has become a dispute by then."""
        dispute = self._movable(key)
        if self.withdrawn(dispute):
            raise unexpected_state("The money is withdrawn already.")
        if dispute["status"].startswith("warning_"):
            dispute["status"] = "needs_response"
        dispute["is_charge_refundable"] = False
        self._move(dispute, -dispute["amount"], "dispute", _FEE_CENTS)
        self.records.emit("charge.dispute.funds_withdrawn", dispute)
        return dispute

    def reinstate(self, key: str) -> Json:
        """The money is given back, before the dispute is closed as won or after."""
        dispute = self.records.get("dp", key)
        if not self.withdrawn(dispute):
            raise unexpected_state("No money is withdrawn.")
        self._move(dispute, dispute["amount"], "dispute_reversal", 0)
        self.records.emit("charge.dispute.funds_reinstated", dispute)
        return dispute

    def respond(self, key: str) -> Json:
        """The seller's evidence is with the bank."""
        dispute = self._movable(key)
        prefix = "warning_" if dispute["status"].startswith("warning_") else ""
        previous, dispute["status"] = dispute["status"], f"{prefix}under_review"
        dispute["evidence_details"].update(has_evidence=True, submission_count=1)
        self.records.emit("charge.dispute.updated", dispute, {"status": previous})
        return dispute

    def close(self, key: str, status: str) -> Json:
        """The bank has decided."""
        dispute = self._movable(key)
        if status not in CLOSED:
            raise invalid("status", f"A dispute is not closed as {status}.")
        dispute["status"] = status
        self.records.emit("charge.dispute.closed", dispute)
        return dispute

    def withdrawn(self, dispute: Json) -> bool:
        """Whether its money is with the bank now."""
        return bool(sum(one["amount"] for one in dispute["balance_transactions"]) < 0)

    def _movable(self, key: str) -> Json:
        dispute = self.records.get("dp", key)
        if dispute["status"] in CLOSED:
            raise unexpected_state(f"This dispute is closed: {dispute['status']}.")
        return dispute

    def _move(self, dispute: Json, amount: int, kind: str, fee: int) -> None:
        records = self.records
        transaction = money.balance_transaction(
            records.new_id("txn"), records.now(), dispute, kind=kind, amount=amount, fee=fee
        )
        dispute["balance_transactions"].append(transaction)
