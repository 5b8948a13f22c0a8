"""Requests → answers: who may ask, what is done, once for each key; and faults on demand."""

import enum
import json
import re
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import attrs

from tests.stripe_standin import requests
from tests.stripe_standin.account import Account
from tests.stripe_standin.reading import expanded, listed
from tests.stripe_standin.records import VERSION
from tests.stripe_standin.requests import ApiError, only
from tests.stripe_standin.shapes import Json, page

__all__ = ["Answer", "Api", "Fault", "Whim"]

_CONFLICT: Final = (
    "Keys for idempotent requests can only be used with the same parameters they were first"
    " used with. Try using a key other than '{}' if you meant to execute a different request."
)
# Path of a resource → the prefix of its identifiers.
_RESOURCES: Final[Mapping[str, str]] = {
    "/v1/customers": "cus",
    "/v1/checkout/sessions": "cs",
    "/v1/payment_intents": "pi",
    "/v1/charges": "ch",
    "/v1/refunds": "re",
    "/v1/disputes": "dp",
    "/v1/events": "evt",
    "/v1/prices": "price",
    "/v1/subscriptions": "sub",
    "/v1/invoices": "in",
    "/v1/invoice_payments": "inpay",
    "/v1/billing_portal/sessions": "bps",
}
_PATH: Final = re.compile(
    rf"({'|'.join(map(re.escape, _RESOURCES))})(?:/([A-Za-z0-9_]+))?(?:/(\w+))?"
)
Params = dict[str, Any]


class Fault(enum.Enum):
    """What goes wrong with a request."""

    ERROR = "error"  # 500, nothing done; Stripe remembers it under its idempotency key
    LIMITED = "limited"  # 429, nothing done
    REFUSED = "refused"  # 401, as with a key that was rolled
    CUT = "cut"  # the connection is cut before anything is done
    LOST = "lost"  # it is done, and the connection is cut before the answer


@attrs.frozen
class Whim:
    """A fault for the next request whose "METHOD path" begins so."""

    fault: Fault
    request: str = ""


@attrs.frozen
class Answer:
    """What goes back."""

    status: int
    headers: dict[str, str]
    body: bytes


@attrs.frozen
class _Request:
    """One request, taken apart."""

    method: str
    path: str
    headers: Mapping[str, str]
    text: str
    id: str

    @property
    def key(self) -> str | None:
        """Under which it may be repeated."""
        return self.headers.get("idempotency-key") if self.method == "POST" else None

    @property
    def print(self) -> str:
        """What must be the same when it is repeated."""
        return f"{self.path}?{self.text}"


@attrs.define(eq=False)
class Api:
    """One account's API. None for an answer means that the connection is cut."""

    account: Account
    key: str = "sk_test_standin"
    whims: deque[Whim] = attrs.field(factory=deque)
    # Every request as "METHOD path", for tests that count.
    requests: deque[str] = attrs.field(factory=lambda: deque(maxlen=10_000))
    _remembered: dict[str, tuple[str, Answer]] = attrs.field(factory=dict)

    def answer(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> Answer | None:
        """Answer a request whose header names are lower-case."""
        url = urlsplit(target)
        self.requests.append(f"{method} {url.path}")
        fault = self._fault(f"{method} {url.path}")
        if fault is Fault.CUT:
            return None
        request_id = self.account.records.new_id("req", 14)
        text = body.decode("utf-8", "replace") if method == "POST" else url.query
        request = _Request(method, url.path, headers, text, request_id)
        answer = self._once(request, fault)
        return None if fault is Fault.LOST else answer

    def _fault(self, request: str) -> Fault | None:
        for whim in self.whims:
            if request.startswith(whim.request):
                self.whims.remove(whim)
                return whim.fault
        return None

    def _once(self, request: _Request, fault: Fault | None) -> Answer:
        """Do it, or repeat what was answered under the same idempotency key."""
        key = request.key
        if key in self._remembered:
            known, answer = self._remembered[key]
            if known == request.print:
                replayed = {**answer.headers, "Idempotent-Replayed": "true"}
                return attrs.evolve(answer, headers=replayed)
            conflict = ApiError(400, _CONFLICT.format(key), kind="idempotency_error")
            return _answer(400, conflict.body(request.id), request)
        records = self.account.records
        records.request = {"id": request.id, "idempotency_key": key}
        try:
            self._admit(request.headers, fault)
            params = requests.parse(request.text)
            value = Routes(self.account).answer(request.method, request.path, params)
            answer = _answer(200, value, request)
        except ApiError as error:
            answer = _answer(error.status, error.body(request.id), request)
        finally:
            records.request = {"id": None, "idempotency_key": None}
        # Refused before it was begun: nothing to remember.
        if key is not None and not 400 <= answer.status < 500:
            self._remembered[key] = (request.print, answer)
        return answer

    def _admit(self, headers: Mapping[str, str], fault: Fault | None) -> None:
        scheme, _, shown = headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or shown != self.key or fault is Fault.REFUSED:
            raise ApiError(401, f"Invalid API Key provided: {shown[:8]}****")
        version = headers.get("stripe-version", VERSION)
        if version != VERSION:
            raise ApiError(400, f"Invalid Stripe API version: {version}")
        if fault is Fault.LIMITED:
            raise ApiError(429, "Request rate limit exceeded.", code="rate_limit")
        if fault is Fault.ERROR:
            raise ApiError(500, "An unknown error occurred.", kind="api_error")


def _answer(status: int, value: object, request: _Request) -> Answer:
    headers = {
        "Content-Type": "application/json",
        "Request-Id": request.id,
        "Stripe-Version": VERSION,
    }
    if request.key is not None:
        headers["Idempotency-Key"] = request.key
    return Answer(status, headers, json.dumps(value).encode())


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
        if prefix == "bps":
            return None  # Stripe gives it once, to whoever made it.
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
                "bps": account.subscriptions.open_portal,
            }
            return creators[prefix](params) if prefix in creators else None
        if (prefix, action) == ("cs", "expire"):
            only(params, {"expand"})
            return account.checkout.expire(key)
        if (prefix, action) == ("sub", None):
            return account.subscriptions.update(key, params)
        if (prefix, action) == ("cus", None):
            return account.customers.update(key, params)
        return None


def _wanted(params: Params) -> list[str]:
    wanted = params.get("expand", [])
    return wanted if isinstance(wanted, list) else [wanted]
