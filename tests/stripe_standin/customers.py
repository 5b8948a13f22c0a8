"""What can be done with a customer."""

from typing import Any, Final

import attrs

from tests.stripe_standin import shapes
from tests.stripe_standin.ordering import checked_metadata, only
from tests.stripe_standin.problems import invalid
from tests.stripe_standin.records import Records
from tests.stripe_standin.shapes import Json

__all__ = ["Customers"]

_FIELDS: Final = {"email", "name", "description", "phone", "metadata", "expand"}


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
        only(params, _FIELDS)
        checked_metadata(params.get("metadata"))
        email = params.get("email")
        if email and "@" not in email:
            raise invalid("email", f"Invalid email address: {email}", "email_invalid")
