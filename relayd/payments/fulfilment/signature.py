"""Is a webhook's body Stripe's, now, and in the version we speak? Pure: bytes in, a value out.

Whatever a sender can put into a body or a header ends here as a value, never as an exception.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, Final, NoReturn

import attrs
import stripe

from relayd.config import Secret
from relayd.payments.fulfilment.events import Event

__all__ = ["Rejected", "Standard", "judge_header", "read_event"]

# Stripe's own advice, into the past; and as much into the future, which its library lets pass.
TOLERANCE_SECONDS: Final = 300
_ID: Final = re.compile(r"[A-Za-z0-9_]{1,255}")
_TYPE: Final = re.compile(r"[a-z0-9_.]{1,100}")
_TIME: Final = re.compile(r"t=([0-9]{1,12})")
_SIGNATURE: Final = re.compile(r"(?:^|,)v1=[0-9a-f]{64}(?:,|$)")
_DETAIL_LENGTH: Final = 100


@attrs.frozen
class Rejected:
    """Why a body is not taken. ``loud``: it is Stripe's, and our configuration is at fault."""

    code: str
    message: str
    loud: bool = False


@attrs.frozen
class Standard:
    """What is expected of a message. ``live``: the mode of our key; None where it doesn't say."""

    secrets: Sequence[Secret]
    api_version: str
    live: bool | None


def judge_header(header: str | None) -> Rejected | None:
    """What a message's header alone shows: without a time and an HMAC of SHA-256 it is no good.

    https://docs.stripe.com/webhooks/signature
    """
    # compare_digest, in Stripe's library, raises for anything but ASCII.
    if not header or not header.isascii():
        return Rejected("bad_signature", "The header Stripe-Signature is missing.")
    if _timestamp(header) is None or not _SIGNATURE.search(header):
        return Rejected("bad_signature", "The header Stripe-Signature is malformed.")
    return None


def read_event(raw: bytes, header: str | None, standard: Standard, now: float) -> Event | Rejected:
    """The message in a webhook's body. ``now`` is Unix time."""
    unsigned = _check_signature(raw, header, standard.secrets, now)
    if unsigned is not None:
        return unsigned
    try:
        body = json.loads(raw.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError):
        return Rejected("malformed_event", "The body is not a JSON event.")
    if not isinstance(body, dict) or body.get("object") != "event":
        return Rejected("malformed_event", "The body is not an event of Stripe's.")
    if body.get("api_version") != standard.api_version:
        return Rejected(
            "wrong_api_version",
            f"The webhook endpoint must have API version {standard.api_version}.",
            loud=True,
        )
    if standard.live is not None and body.get("livemode") is not standard.live:
        mode = "live" if standard.live else "test"
        return Rejected("wrong_mode", f"The key is of {mode} mode, the event is not.", loud=True)
    return _event(body) or Rejected("malformed_event", "The event has no object with an id.")


def _check_signature(
    raw: bytes, header: str | None, secrets: Sequence[Secret], now: float
) -> Rejected | None:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return Rejected("malformed_event", "The body is not UTF-8.")
    malformed = judge_header(header)
    if malformed is not None:
        return malformed
    assert header is not None
    if not any(_signed(text, header, secret) for secret in secrets):
        return Rejected("bad_signature", "No signature fits.")
    signed_at = _timestamp(header)
    if signed_at is None or abs(now - signed_at) > TOLERANCE_SECONDS:
        return Rejected("bad_signature", "The signature's time is too far from now.")
    return None


def _signed(text: str, header: str, secret: Secret) -> bool:
    try:
        stripe.WebhookSignature.verify_header(text, header, secret.reveal(), tolerance=None)
    except stripe.SignatureVerificationError:
        return False
    return True


def _timestamp(header: str) -> int | None:
    """The one time in a header, as Stripe writes it; the library also takes odd ones."""
    times = [item for item in header.split(",") if item.startswith("t=")]
    match = _TIME.fullmatch(times[0]) if len(times) == 1 else None
    return None if match is None else int(match[1])


def _event(body: dict[str, Any]) -> Event | None:
    data = body.get("data")
    thing = data.get("object") if isinstance(data, dict) else None
    if not isinstance(thing, dict):
        return None
    event_id, kind, object_id = body.get("id"), body.get("type"), thing.get("id")
    if not (isinstance(event_id, str) and isinstance(kind, str) and isinstance(object_id, str)):
        return None
    if not (_ID.fullmatch(event_id) and _TYPE.fullmatch(kind) and _ID.fullmatch(object_id)):
        return None
    return Event(event_id, kind, object_id, _detail(thing))


def _detail(thing: dict[str, Any]) -> str:
    """The code with which a payment failed, and nothing of who paid."""
    error = thing.get("last_payment_error")
    code = error.get("decline_code") or error.get("code") if isinstance(error, dict) else None
    return code[:_DETAIL_LENGTH] if isinstance(code, str) and _ID.fullmatch(code) else ""


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)
