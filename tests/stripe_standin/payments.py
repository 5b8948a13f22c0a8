"""What pays: intents and charges, for a session's customer or for an invoice."""

from collections.abc import Mapping
from typing import Final

import attrs

from tests.stripe_standin import money, shapes
from tests.stripe_standin.records import Records
from tests.stripe_standin.shapes import Json

__all__ = ["Payments"]

_DECLINED: Final = {
    "code": "card_declined",
    "decline_code": "generic_decline",
    "message": "Your card was declined.",
    "type": "card_error",
}


@attrs.frozen
class Payments:
    """The payments of an account. What is paid for is a session, or an invoice in its shape."""

    records: Records

    def intend(self, owed: Json, metadata: Mapping[str, str]) -> Json:
        """An intent to pay what is owed."""
        intent = shapes.payment_intent(
            self.records.new_id("pi"), self.records.now(), owed, metadata
        )
        self.records.add("pi", intent)
        self.records.emit("payment_intent.created", intent)
        return intent

    def charge(self, intent: Json, owed: Json, method: str) -> Json:
        """A charge on a card, or on a bank account, which takes days."""
        card = method.startswith("pm_card")
        records = self.records
        intent["payment_method"] = method
        charge = money.charge(records.new_id("ch"), records.now(), intent, owed, card=card)
        records.add("ch", charge)
        intent["latest_charge"] = charge["id"]
        if not card:
            intent["status"] = "processing"
            records.emit("payment_intent.processing", intent)
            records.emit("charge.pending", charge)
        return charge

    def settle(self, intent: Json) -> None:
        """The money came."""
        charge = self.records.get("ch", intent["latest_charge"])
        amount = charge["amount"]
        charge.update(
            status="succeeded",
            paid=True,
            captured=True,
            amount_captured=amount,
            receipt_url=f"{self.records.pages_url}/receipts/{charge['id']}",
            balance_transaction=self.records.new_id("txn"),
        )
        self.records.emit("charge.succeeded", charge)
        intent.update(status="succeeded", amount_received=amount, last_payment_error=None)
        self.records.emit("payment_intent.succeeded", intent)

    def refuse(self, intent: Json) -> None:
        """No money comes."""
        charge = self.records.get("ch", intent["latest_charge"])
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
