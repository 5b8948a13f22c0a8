"""One Stripe account: its records, and all that its seller, its customers and banks can do."""

import attrs

from tests.stripe_standin.checkout import Checkout
from tests.stripe_standin.customers import Customers
from tests.stripe_standin.disputes import Disputes
from tests.stripe_standin.problems import unexpected_state
from tests.stripe_standin.records import Records
from tests.stripe_standin.refunds import Refunds
from tests.stripe_standin.shapes import Json

__all__ = ["Account"]


@attrs.define(eq=False)
class Account:
    """A state machine without I/O. Every change that Stripe tells of is an event in `records`."""

    records: Records = attrs.field(factory=Records)
    customers: Customers = attrs.field(init=False)
    checkout: Checkout = attrs.field(init=False)
    refunds: Refunds = attrs.field(init=False)
    disputes: Disputes = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.customers = Customers(self.records)
        self.checkout = Checkout(self.records)
        self.refunds = Refunds(self.records)
        self.disputes = Disputes(self.records)

    @property
    def events(self) -> list[Json]:
        """Every event so far, oldest first."""
        return list(self.records.tables["evt"].values())

    def charge_of(self, session_id: str) -> Json:
        """The charge that paid a session."""
        session = self.checkout.get(session_id)
        intent = self.records.tables["pi"].get(session["payment_intent"] or "")
        if intent is None or intent["latest_charge"] is None:
            raise unexpected_state("Nothing was charged for this session.")
        return self.records.get("ch", intent["latest_charge"])

    def refund(self, session_id: str, amount: int | None = None, status: str = "succeeded") -> Json:
        """The seller gives money back, in the dashboard: all that is left, or a part."""
        params: Json = {"charge": self.charge_of(session_id)["id"]}
        if amount is not None:
            params["amount"] = amount
        return self.refunds.create(params, status)

    def dispute(self, session_id: str, amount: int | None = None, *, inquiry: bool = False) -> Json:
        """The customer's bank disputes what paid a session."""
        charge_id = self.charge_of(session_id)["id"]
        return self.disputes.create(charge_id, amount, inquiry=inquiry)
