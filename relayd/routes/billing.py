"""GET and POST /billing/*: what is left to spend, what can be bought, and buying it."""

import math
import re
from typing import Any, Final, assert_never

from quart import Blueprint, request

from relayd.config import forms
from relayd.identity import Principal
from relayd.payments.shop import CheckoutRefusal
from relayd.quotas.limits import Rate
from relayd.routes.bodies import INVALID_FIELD, MISSING_FIELD, read_object, text_field
from relayd.routes.credits import CREDIT, remaining
from relayd.routes.description import Answer, Body, Link, Topic, described
from relayd.routes.problems import Problem, Refusal
from relayd.routes.protection import RATE_LIMITED, authenticated, exempt, unauthenticated
from relayd.routes.shapes import Shape, integer, listing, one_of, text
from relayd.routes.wiring import Seller, wiring

__all__ = [
    "PAYMENTS_UNAVAILABLE",
    "PURCHASE",
    "RETRY_SECONDS",
    "SALES_OFF",
    "SESSION_ID",
    "UNKNOWN_PURCHASE",
    "blueprint",
    "look_rate",
    "open_shop",
]

# By user: purchases begun, and questions about them that go on to Stripe.
_CHECKOUTS_PER_MINUTE: Final = 10
_LOOKS_PER_MINUTE: Final = 60

SALES_OFF: Final = Refusal(503, "sales_off", "Nothing is for sale here at the moment.")
UNKNOWN_PACKAGE: Final = Refusal(
    422, "unknown_package", "There is no such package; GET /billing/packages lists them."
)
CREDIT_FROZEN: Final = Refusal(
    409,
    "credit_frozen",
    "A payment for this account is disputed. Until that is decided, nothing can be bought.",
)
PAYMENTS_UNAVAILABLE: Final = Refusal(
    503,
    "payments_unavailable",
    "Payments can't be reached right now. Nothing was charged; try again shortly.",
    retries=True,
)
UNKNOWN_PURCHASE: Final = Refusal(404, "unknown_purchase", "You have no such purchase.")
UNKNOWN_ADDRESS: Final = Refusal(
    400, "unknown_address", "The Host header names no place to come back to after paying."
)
RETRY_SECONDS: Final = 10
SESSION_ID: Final = re.compile(r"cs_[A-Za-z0-9_]{1,250}")

PACKAGE: Final = Shape(
    "Package",
    "So much credit for so much money.",
    {
        "id": text("Its name for programs.", "pack_500"),
        "label": text("Its name for people.", "500 minutes"),
        "seconds": integer("Seconds of audio.", 30_000, minimum=1),
        "price_cents": integer("In the currency's smallest unit.", 599, minimum=1),
        "currency": text("ISO 4217, in small letters.", "usd", minLength=3, maxLength=3),
    },
)
ORDER: Final = Shape("Order", "What to buy.", {"package_id": text("Which package.", "pack_500")})
CHECKOUT: Final = Shape(
    "Checkout",
    "Where to pay.",
    {
        "checkout_url": text(
            "Send the browser there.", "https://checkout.stripe.com/c/pay/cs_1", format="uri"
        ),
        "checkout_session_id": text("For GET /billing/purchases.", "cs_test_a1"),
    },
)
PURCHASE: Final = Shape(
    "Purchase",
    "How a purchase stands.",
    {
        "status": one_of(
            "Pending may last for days where the bank takes its time.",
            "paid",
            "pending",
            "failed",
            "expired",
        ),
        "seconds": integer("What is credited once it is paid.", 30_000, minimum=1),
        "package_id": text("Which package.", "pack_500"),
    },
)
_AFTERWARDS: Final = {
    "billing_purchase": Link(path={"checkout_session_id": "$response.body#/checkout_session_id"})
}

blueprint = Blueprint("billing", __name__, url_prefix="/billing")


@blueprint.get("/balance")
@authenticated
@described(Topic.BILLING, gives={200: Answer("The credit.", CREDIT)})
async def balance(principal: Principal) -> dict[str, int | float]:
    """The user's credit, that which live sessions have set aside included."""
    has = await wiring().services.wallet.balance(principal.user_id)
    if has is None:
        raise unauthenticated()
    return remaining(has.balance_ms)


@blueprint.get("/packages")
@exempt("public and constant")
@described(
    Topic.BILLING,
    gives={200: Answer("The packages.", listing("In the operator's order.", PACKAGE))},
    more="Also where sales are off.",
)
async def packages() -> list[dict[str, Any]]:
    """What is for sale."""
    return [
        {
            "id": one.id,
            "label": one.label,
            "seconds": one.seconds,
            "price_cents": one.price_cents,
            "currency": one.currency,
        }
        for one in wiring().services.packages
    ]


@blueprint.post("/checkout")
@authenticated
@described(
    Topic.BILLING,
    gives={200: Answer("Where to pay.", CHECKOUT, links=_AFTERWARDS)},
    takes=Body(ORDER),
    refuses=[
        MISSING_FIELD,
        INVALID_FIELD,
        UNKNOWN_PACKAGE,
        CREDIT_FROZEN,
        UNKNOWN_ADDRESS,
        RATE_LIMITED,
        SALES_OFF,
        PAYMENTS_UNAVAILABLE,
    ],
)
async def checkout(principal: Principal) -> dict[str, str]:
    """Begin a purchase: payment happens on Stripe's own page."""
    package_id = text_field(await read_object(), "package_id")
    shop = open_shop()
    rate = Rate(f"checkouts {principal.user_id}", _CHECKOUTS_PER_MINUTE)
    wait = await wiring().services.quotas.admit([rate])
    if wait > 0:
        raise RATE_LIMITED.problem(
            "Too many purchases begun. Try again later.", retry_after_seconds=math.ceil(wait)
        )
    outcome = await shop.checkout(principal, package_id, _base_url())
    if isinstance(outcome, CheckoutRefusal):
        raise _problem(outcome)
    return {"checkout_url": outcome.url, "checkout_session_id": outcome.checkout_session_id}


@blueprint.get("/purchases/<checkout_session_id>")
@authenticated
@described(
    Topic.BILLING,
    gives={200: Answer("How it stands.", PURCHASE)},
    path={"checkout_session_id": text("As Stripe calls it.", "cs_test_a1")},
    refuses=[UNKNOWN_PURCHASE, SALES_OFF],
    more="Asks Stripe while the purchase is pending, so that a paid one is credited at once.",
)
async def purchase(principal: Principal, checkout_session_id: str) -> dict[str, Any]:
    """How one of the user's own purchases stands."""
    shop = open_shop()
    if not SESSION_ID.fullmatch(checkout_session_id):
        raise UNKNOWN_PURCHASE.problem()
    # Whoever asks more often than this gets what is known, without Stripe.
    look = await wiring().services.quotas.admit([look_rate(principal)]) == 0
    found = await shop.purchase(principal, checkout_session_id, look=look)
    if found is None:
        raise UNKNOWN_PURCHASE.problem()
    return {
        "status": found.state.value,
        "seconds": found.seconds,
        "package_id": found.package_id,
    }


def open_shop() -> Seller:
    """Sales, or the refusal that they are off."""
    shop = wiring().services.shop
    if shop is None:
        raise SALES_OFF.problem()
    return shop


def look_rate(principal: Principal) -> Rate:
    """How often a user's questions may go on to Stripe."""
    return Rate(f"looks {principal.user_id}", _LOOKS_PER_MINUTE)


def _base_url() -> str:
    """Where the buyer's browser comes back to: the public address, else the one it used."""
    public_url = wiring().services.public_url or f"{request.scheme}://{request.host}"
    if forms.public_url(public_url) is not None:
        raise UNKNOWN_ADDRESS.problem()
    return public_url


def _problem(refusal: CheckoutRefusal) -> Problem:
    match refusal:
        case CheckoutRefusal.UNKNOWN_PACKAGE:
            return UNKNOWN_PACKAGE.problem()
        case CheckoutRefusal.UNKNOWN_USER:
            return unauthenticated()
        case CheckoutRefusal.CREDIT_FROZEN:
            return CREDIT_FROZEN.problem()
        case CheckoutRefusal.STRIPE_UNAVAILABLE:
            return PAYMENTS_UNAVAILABLE.problem(retry_after_seconds=RETRY_SECONDS)
        case _:
            assert_never(refusal)
