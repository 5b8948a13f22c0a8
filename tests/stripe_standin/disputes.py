"""Money taken back by a customer's bank, and sometimes given back again."""

from typing import Final

import attrs

from tests.stripe_standin import money
from tests.stripe_standin.problems import invalid, unexpected_state
from tests.stripe_standin.records import Records
from tests.stripe_standin.shapes import Json

__all__ = ["CLOSED", "Disputes"]

CLOSED: Final = {"won", "lost", "warning_closed"}
_FEE_CENTS: Final = 1500


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
