"""GET /billing/purchases, each one's receipt and summary: what was bought."""

from typing import Annotated, Final, Self, assert_never

from msgspec import Meta

from relayd.durations import seconds
from relayd.identity import Principal
from relayd.payments.books.receipts import Bought, ReceiptRefusal
from relayd.routes.toolkit.description import Answer, ResponseLink, Topic, described
from relayd.routes.toolkit.forms import Form, Time, told
from relayd.routes.toolkit.problems import Problem, Refusal
from relayd.routes.toolkit.protection import (
    RATE_LIMITED,
    authenticated,
    rate_limited_by,
)
from relayd.routes.views.billing.billing import blueprint
from relayd.routes.views.billing.sales import (
    PAYMENTS_UNAVAILABLE,
    RETRY_SECONDS,
    SALES_OFF,
    UNKNOWN_PURCHASE,
    Currency,
    PackageId,
    PriceCents,
    PurchaseStatus,
    SessionId,
    admit,
    is_session_id,
    look_rate,
    looks_per_minute,
    open_shop,
)

__all__ = ["blueprint"]

NO_SUCH_PURCHASE: Final = Refusal(404, UNKNOWN_PURCHASE.code, "There is no such purchase.")
NO_RECEIPT: Final = Refusal(
    404, "no_receipt", "There is no receipt: the purchase is not paid, or none was made for it."
)

Label = Annotated[str, told("Its name when it was sold.", "500 minutes")]
SoldSeconds = Annotated[int, Meta(ge=1), told("What was sold.", 30_000)]


class Listed(Form):
    """A purchase in the list of its buyer."""

    checkout_session_id: SessionId
    package_id: PackageId
    label: Label
    seconds: SoldSeconds
    price_cents: PriceCents
    currency: Currency
    status: PurchaseStatus
    created_at: Time
    settled_at: Time | None
    seconds_taken_back: Annotated[float, Meta(ge=0), told("By refunds and disputes.", 90.5)]
    disputed: Annotated[bool, told("Whether a dispute of it is yet to be decided.", sample=False)]

    @classmethod
    def of(cls, bought: Bought) -> Self:
        """As the shop has it."""
        settled_at = bought.settled_at
        return cls(
            checkout_session_id=bought.checkout_session_id,
            package_id=bought.package_id,
            label=bought.label,
            seconds=bought.seconds,
            price_cents=bought.price_cents,
            currency=bought.currency,
            status=bought.state.value,
            created_at=bought.created_at.isoformat(),
            settled_at=None if settled_at is None else settled_at.isoformat(),
            seconds_taken_back=seconds(bought.taken_back_ms),
            disputed=bought.disputed,
        )


class Receipt(Form):
    """Where a receipt can be read."""

    receipt_url: Annotated[
        str,
        told(
            "A page of Stripe's. It expires: ask again rather than keep it.",
            "https://pay.stripe.com/receipts/payment/a1",
            format="uri",
        ),
    ]


class Summary(Form):
    """What was bought and how that stands; nothing of whoever bought it, nor what it cost."""

    label: Label
    seconds: SoldSeconds
    status: PurchaseStatus


_OF_ONE: Final = ResponseLink(path={"checkout_session_id": "$response.body#/0/checkout_session_id"})


@blueprint.get("/purchases")
@authenticated
@described(
    Topic.BILLING,
    gives={
        200: Answer(
            "The purchases, newest first.",
            list[Listed],
            links={"billing_receipt": _OF_ONE},
        )
    },
    refuses=[SALES_OFF],
)
async def purchases(principal: Principal) -> list[Listed]:
    """What one has bought lately."""
    return [Listed.of(one) for one in await open_shop().purchases(principal)]


@blueprint.get("/purchases/<checkout_session_id>/receipt")
@authenticated
@described(
    Topic.BILLING,
    gives={200: Answer("Where it can be read.", Receipt)},
    path={"checkout_session_id": SessionId},
    refuses=[UNKNOWN_PURCHASE, NO_RECEIPT, RATE_LIMITED, SALES_OFF, PAYMENTS_UNAVAILABLE],
    more="Asks Stripe each time: receipts' addresses expire, and none is kept here.",
)
async def receipt(principal: Principal, checkout_session_id: str) -> Receipt:
    """The receipt of a purchase that is paid."""
    shop = open_shop()
    if not is_session_id(checkout_session_id):
        raise UNKNOWN_PURCHASE.problem()
    await admit(look_rate(principal), "Too many receipts asked for.")
    found = await shop.receipt(principal, checkout_session_id)
    if isinstance(found, ReceiptRefusal):
        raise _problem(found)
    return Receipt(receipt_url=found)


@blueprint.get("/purchases/<checkout_session_id>/summary")
@rate_limited_by("summaries", looks_per_minute)
@described(
    Topic.BILLING,
    gives={200: Answer("What it is, and how it stands.", Summary)},
    path={"checkout_session_id": SessionId},
    refuses=[NO_SUCH_PURCHASE, SALES_OFF],
    more=(
        "For the page that one returns to after paying from an app, in a browser that is not "
        "signed in. Whoever has the Session's id, which can't be guessed, may read this much. Asks "
        "Stripe while the purchase is pending."
    ),
)
async def summary(checkout_session_id: str) -> Summary:
    """What somebody bought, without a token."""
    shop = open_shop()
    if not is_session_id(checkout_session_id):
        raise NO_SUCH_PURCHASE.problem()
    found = await shop.any_purchase(checkout_session_id)
    if found is None:
        raise NO_SUCH_PURCHASE.problem()
    return Summary(label=found.label, seconds=found.seconds, status=found.state.value)


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
