"""What all that sells has in common: forms and refusals, and the shop itself."""

import math
import re
from typing import Annotated, Final, Literal

from msgspec import Meta

from relayd.identity import Principal
from relayd.quotas.limits import Rate
from relayd.routes.toolkit.forms import told
from relayd.routes.toolkit.problems import Refusal
from relayd.routes.toolkit.protection import RATE_LIMITED
from relayd.routes.toolkit.wiring import Sales, wiring

__all__ = [
    "PAYMENTS_UNAVAILABLE",
    "RETRY_SECONDS",
    "SALES_OFF",
    "UNKNOWN_PURCHASE",
    "Currency",
    "PackageId",
    "PriceCents",
    "PurchaseStatus",
    "SessionId",
    "admit",
    "is_session_id",
    "look_rate",
    "looks_per_minute",
    "open_shop",
    "own_address",
]

SALES_OFF: Final = Refusal(503, "sales_off", "Nothing is for sale here at the moment.")
PAYMENTS_UNAVAILABLE: Final = Refusal(
    503,
    "payments_unavailable",
    "Payments can't be reached right now. Nothing was charged; try again shortly.",
    retries=True,
)
UNKNOWN_PURCHASE: Final = Refusal(404, "unknown_purchase", "You have no such purchase.")
RETRY_SECONDS: Final = 10

# Questions of a user, or of an address without one, that go on to Stripe.
_LOOKS_PER_MINUTE: Final = 60
_SESSION_ID: Final = re.compile(r"cs_[A-Za-z0-9_]{1,250}")

SessionId = Annotated[str, told("As Stripe calls it.", "cs_test_a1")]
PackageId = Annotated[str, told("The package's name for programs.", "pack_500")]
PriceCents = Annotated[int, Meta(ge=1), told("In the currency's smallest unit.", 599)]
Currency = Annotated[str, told("ISO 4217, in small letters.", "usd", minLength=3, maxLength=3)]
PurchaseStatus = Annotated[
    Literal["paid", "pending", "failed", "expired"],
    told("Pending may last for days where the bank takes its time.", "paid"),
]


def is_session_id(text: str) -> bool:
    """Whether this can be a Checkout Session of Stripe's at all."""
    return _SESSION_ID.fullmatch(text) is not None


def open_shop() -> Sales:
    """Sales, or the refusal that they are off."""
    shop = wiring().services.shop
    if shop is None:
        raise SALES_OFF.problem()
    return shop


def looks_per_minute() -> int:
    """How often an address may ask about purchases, nobody being signed in."""
    return _LOOKS_PER_MINUTE


def look_rate(principal: Principal) -> Rate:
    """How often a user's questions may go on to Stripe."""
    return Rate(f"looks {principal.user_id}", _LOOKS_PER_MINUTE)


async def admit(rate: Rate, words: str) -> None:
    """Count one more of these, or raise the refusal that there were too many, in these words."""
    wait = await wiring().services.quotas.admit([rate])
    if wait > 0:
        raise RATE_LIMITED.problem(f"{words} Try again later.", retry_after_seconds=math.ceil(wait))


def own_address() -> str:
    """Where Stripe leads a buyer back to, without a slash at its end.

    Never what Host says: whoever sends it would choose where that is.
    """
    address = wiring().services.public_url
    assert address, "sales need server.public_url"
    return address.rstrip("/")
