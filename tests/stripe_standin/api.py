"""Requests → answers: who may ask, in which version, once for each key; and faults on demand."""

import enum
import json
from collections import deque
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import attrs

from tests.stripe_standin import forms
from tests.stripe_standin.account import Account
from tests.stripe_standin.problems import ApiError
from tests.stripe_standin.records import VERSION
from tests.stripe_standin.routes import Routes

__all__ = ["Answer", "Api", "Fault", "Whim"]

_CONFLICT: Final = (
    "Keys for idempotent requests can only be used with the same parameters they were first"
    " used with. Try using a key other than '{}' if you meant to execute a different request."
)


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
            params = forms.parse(request.text)
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
