"""GET /billing/purchases, and each one's receipt: what a user has bought."""

import math
from typing import Any, Final, assert_never

from relayd.durations import seconds
from relayd.identity import Principal
from relayd.payments.receipts import Bought, ReceiptRefusal
from relayd.routes.billing import (
    PAYMENTS_UNAVAILABLE,
    PURCHASE,
    RETRY_SECONDS,
    SALES_OFF,
    SESSION_ID,
    UNKNOWN_PURCHASE,
    blueprint,
    look_rate,
    open_shop,
)
from relayd.routes.description import Answer, Link, Topic, described
from relayd.routes.problems import Problem, Refusal
from relayd.routes.protection import RATE_LIMITED, authenticated
from relayd.routes.shapes import SECONDS, TIME, Shape, integer, listing, nullable, text, yes_or_no
from relayd.routes.wiring import wiring

__all__ = ["blueprint"]

NO_RECEIPT: Final = Refusal(
    404, "no_receipt", "There is no receipt: the purchase is not paid, or none was made for it."
)

BOUGHT: Final = Shape(
    "Bought",
    "A purchase in the list of its buyer.",
    {
        "checkout_session_id": text("As Stripe calls it.", "cs_test_a1"),
        "package_id": text("Which package.", "pack_500"),
        "label": text("Its name when it was sold.", "500 minutes"),
        "seconds": integer("What was sold.", 30_000, minimum=1),
        "price_cents": integer("In the currency's smallest unit.", 599, minimum=1),
        "currency": text("ISO 4217, in small letters.", "usd", minLength=3, maxLength=3),
        "status": PURCHASE.fields["status"],
        "created_at": TIME,
        "settled_at": nullable(TIME),
        "seconds_taken_back": {**SECONDS, "description": "By refunds and disputes."},
        "disputed": yes_or_no("Whether a dispute of it is yet to be decided."),
    },
)
RECEIPT: Final = Shape(
    "Receipt",
    "Where a receipt can be read.",
    {
        "receipt_url": text(
            "A page of Stripe's. It expires: ask again rather than keep it.",
            "https://pay.stripe.com/receipts/payment/a1",
            format="uri",
        )
    },
)
_PATH: Final = {"checkout_session_id": text("As Stripe calls it.", "cs_test_a1")}
_OF_ONE: Final = Link(path={"checkout_session_id": "$response.body#/0/checkout_session_id"})


@blueprint.get("/purchases")
@authenticated
@described(
    Topic.BILLING,
    gives={
        200: Answer(
            "The purchases.",
            listing("Newest first.", BOUGHT, maxItems=100),
            links={"billing_receipt": _OF_ONE},
        )
    },
    refuses=[SALES_OFF],
)
async def purchases(principal: Principal) -> list[dict[str, Any]]:
    """What one has bought lately."""
    return [_fields(one) for one in await open_shop().purchases(principal)]


@blueprint.get("/purchases/<checkout_session_id>/receipt")
@authenticated
@described(
    Topic.BILLING,
    gives={200: Answer("Where it can be read.", RECEIPT)},
    path=_PATH,
    refuses=[UNKNOWN_PURCHASE, NO_RECEIPT, RATE_LIMITED, SALES_OFF, PAYMENTS_UNAVAILABLE],
    more="Asks Stripe each time: receipts' addresses expire, and none is kept here.",
)
async def receipt(principal: Principal, checkout_session_id: str) -> dict[str, str]:
    """The receipt of a purchase that is paid."""
    shop = open_shop()
    if not SESSION_ID.fullmatch(checkout_session_id):
        raise UNKNOWN_PURCHASE.problem()
    wait = await wiring().services.quotas.admit([look_rate(principal)])
    if wait > 0:
        raise RATE_LIMITED.problem(
            "Too many receipts asked for. Try again later.", retry_after_seconds=math.ceil(wait)
        )
    found = await shop.receipt(principal, checkout_session_id)
    if isinstance(found, ReceiptRefusal):
        raise _problem(found)
    return {"receipt_url": found}


def _fields(one: Bought) -> dict[str, Any]:
    return {
        "checkout_session_id": one.checkout_session_id,
        "package_id": one.package_id,
        "label": one.label,
        "seconds": one.seconds,
        "price_cents": one.price_cents,
        "currency": one.currency,
        "status": one.state.value,
        "created_at": one.created_at.isoformat(),
        "settled_at": None if one.settled_at is None else one.settled_at.isoformat(),
        "seconds_taken_back": seconds(one.taken_back_ms),
        "disputed": one.disputed,
    }


def _problem(refusal: ReceiptRefusal) -> Problem:
    match refusal:
        case ReceiptRefusal.UNKNOWN_PURCHASE:
            return UNKNOWN_PURCHASE.problem()
        case ReceiptRefusal.NO_RECEIPT:
            return NO_RECEIPT.problem()
        case ReceiptRefusal.STRIPE_UNAVAILABLE:
            return PAYMENTS_UNAVAILABLE.problem(
                "Payments can't be reached right now. Try again shortly.",
                retry_after_seconds=RETRY_SECONDS,
            )
        case _:
            assert_never(refusal)
