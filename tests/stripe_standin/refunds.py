"""Money given back: at once, later, or after all not."""

from typing import Any, Final

import attrs

from tests.stripe_standin import money
from tests.stripe_standin.ordering import checked_metadata, only
from tests.stripe_standin.problems import invalid, missing, unexpected_state
from tests.stripe_standin.records import Records
from tests.stripe_standin.shapes import Json

__all__ = ["Refunds"]

_FIELDS: Final = {"amount", "charge", "expand", "metadata", "payment_intent", "reason"}
_REASONS: Final = {"duplicate", "fraudulent", "requested_by_customer", None}
# From where a refund can still go, and whereto.
_NEXT: Final = {
    "pending": {"succeeded", "failed", "canceled"},
    "succeeded": {"failed"},  # A bank may send the money back weeks later.
}


@attrs.frozen
class Refunds:
    """The refunds of an account."""

    records: Records

    def create(self, params: dict[str, Any], status: str = "succeeded") -> Json:
        """Give back all that is left of a charge, or a part; by card it is done at once."""
        only(params, _FIELDS)
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
