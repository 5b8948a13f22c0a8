"""Paths of Stripe's API → what is done with the account."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from tests.stripe_standin.account import Account
from tests.stripe_standin.expansion import expanded
from tests.stripe_standin.listing import listed
from tests.stripe_standin.ordering import only
from tests.stripe_standin.problems import ApiError
from tests.stripe_standin.shapes import Json, page

__all__ = ["Routes"]

# Path of a resource → the prefix of its identifiers.
_RESOURCES: Final[Mapping[str, str]] = {
    "/v1/customers": "cus",
    "/v1/checkout/sessions": "cs",
    "/v1/payment_intents": "pi",
    "/v1/charges": "ch",
    "/v1/refunds": "re",
    "/v1/disputes": "dp",
    "/v1/events": "evt",
}
_PATH: Final = re.compile(
    rf"({'|'.join(map(re.escape, _RESOURCES))})(?:/([A-Za-z0-9_]+))?(?:/(\w+))?"
)
Params = dict[str, Any]


@attrs.frozen
class Routes:
    """The account as its seller reaches it with a secret key."""

    account: Account

    def answer(self, method: str, path: str, params: Params) -> Json:
        """Do it; the object or the page that comes of it, or an `ApiError`."""
        match = _PATH.fullmatch(path)
        found = None
        if match is not None:
            resource, key, action = match.groups()
            if method == "GET":
                found = self._read(resource, key, action, params)
            elif method == "POST":
                found = self._write(_RESOURCES[resource], key, action, params)
        if found is None:
            raise ApiError(404, f"Unrecognized request URL ({method}: {path}).")
        return expanded(self.account.records, found, _wanted(params))

    def _read(self, resource: str, key: str | None, action: str | None, params: Params) -> Any:
        prefix = _RESOURCES[resource]
        records = self.account.records
        if prefix == "cs":
            for session in list(records.all("cs")):
                self.account.checkout.get(session["id"])  # Those whose time is over expire.
        if key is None:
            return listed(prefix, records.all(prefix), params, resource)
        if (prefix, action) == ("cs", "line_items"):
            records.get("cs", key)
            return page(f"{resource}/{key}/line_items", records.line_items[key], has_more=False)
        if action is not None:
            return None
        only(params, {"expand"})
        return records.get(prefix, key)

    def _write(self, prefix: str, key: str | None, action: str | None, params: Params) -> Any:
        account = self.account
        if key is None:
            creators: dict[str, Callable[[Params], Json]] = {
                "cus": account.customers.create,
                "cs": account.checkout.create,
                "re": account.refunds.create,
            }
            return creators[prefix](params) if prefix in creators else None
        if (prefix, action) == ("cs", "expire"):
            only(params, {"expand"})
            return account.checkout.expire(key)
        if (prefix, action) == ("cus", None):
            return account.customers.update(key, params)
        return None


def _wanted(params: Params) -> list[str]:
    wanted = params.get("expand", [])
    return wanted if isinstance(wanted, list) else [wanted]
