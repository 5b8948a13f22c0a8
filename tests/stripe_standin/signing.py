"""A webhook's body and its signature: HMAC-SHA256 of "time.body" with the endpoint's secret."""

import hmac
import json

import attrs

from tests.stripe_standin.shapes import Json

__all__ = ["Signed", "sign", "signature"]


@attrs.frozen
class Signed:
    """A delivery as it goes over the wire."""

    body: bytes
    header: str


def sign(event: Json, secret: str, at: int) -> Signed:
    """An event as Stripe writes and signs it."""
    body = json.dumps(event, indent=2).encode()
    # An old scheme comes along and is to be ignored: test deliveries of Stripe have it.
    header = f"t={at},v1={signature(body, secret, at)},v0={'0' * 64}"
    return Signed(body, header)


def signature(body: bytes, secret: str, at: int) -> str:
    """The v1 signature of any body."""
    return hmac.new(secret.encode(), b"%d." % at + body, "sha256").hexdigest()
