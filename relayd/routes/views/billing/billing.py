"""GET and POST /billing/*: what is left to spend, what can be bought, and buying it."""

from typing import Annotated, Final, assert_never

from msgspec import Meta
from quart import Blueprint

from relayd.identity import Principal
from relayd.payments.shop import CheckoutRefusal
from relayd.quotas.limits import Rate
from relayd.routes.toolkit.bodies import read_form
from relayd.routes.toolkit.description import Answer, Body, ResponseLink, Topic, described
from relayd.routes.toolkit.forms import STORABLE, Form, told
from relayd.routes.toolkit.problems import Problem, Refusal
from relayd.routes.toolkit.protection import (
    RATE_LIMITED,
    authenticated,
    exempt,
    unauthenticated,
)
from relayd.routes.toolkit.wiring import wiring
from relayd.routes.views.billing.credits import CreditLeft
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
    open_shop,
    own_address,
)

__all__ = ["blueprint"]

# Purchases that a user begins.
_CHECKOUTS_PER_MINUTE: Final = 10

UNKNOWN_PACKAGE: Final = Refusal(
    422, "unknown_package", "There is no such package; GET /billing/packages lists them."
)
CREDIT_FROZEN: Final = Refusal(
    409,
    "credit_frozen",
    "A payment for this account is disputed. Until that is decided, nothing can be bought.",
)


class ForSale(Form):
    """So much credit for so much money."""

    id: PackageId
    label: Annotated[str, told("Its name for people.", "500 minutes")]
    seconds: Annotated[int, Meta(ge=1), told("Seconds of audio.", 30_000)]
    price_cents: PriceCents
    currency: Currency


class NewOrder(Form):
    """What to buy."""

    package_id: Annotated[str, told("Which package.", "pack_500", pattern=STORABLE)]


class Checkout(Form):
    """Where to pay."""

    checkout_url: Annotated[
        str, told("Send the browser there.", "https://checkout.stripe.com/c/pay/cs_1", format="uri")
    ]
    checkout_session_id: Annotated[str, told("For GET /billing/purchases.", "cs_test_a1")]


class PurchaseStanding(Form):
    """How a purchase stands."""

    status: PurchaseStatus
    seconds: Annotated[int, Meta(ge=1), told("What is credited once it is paid.", 30_000)]
    package_id: PackageId


_AFTERWARDS: Final = {
    "billing_purchase": ResponseLink(
        path={"checkout_session_id": "$response.body#/checkout_session_id"}
    )
}

blueprint = Blueprint("billing", __name__, url_prefix="/billing")


@blueprint.get("/balance")
@authenticated
@described(Topic.BILLING, gives={200: Answer("The credit.", CreditLeft)})
async def balance(principal: Principal) -> CreditLeft:
    """The user's credit, that which live sessions have set aside included."""
    has = await wiring().services.wallet.balance(principal.user_id)
    if has is None:
        raise unauthenticated()
    return CreditLeft.of(has.balance_ms)


@blueprint.get("/packages")
@exempt("public and constant")
@described(
    Topic.BILLING,
    gives={200: Answer("The packages, in the operator's order.", list[ForSale])},
    more="Also where sales are off.",
)
async def packages() -> list[ForSale]:
    """What is for sale."""
    return [
        ForSale(
            id=one.id,
            label=one.label,
            seconds=one.seconds,
            price_cents=one.price_cents,
            currency=one.currency,
        )
        for one in wiring().services.packages
    ]


@blueprint.post("/checkout")
@authenticated
@described(
    Topic.BILLING,
    gives={200: Answer("Where to pay.", Checkout, links=_AFTERWARDS)},
    takes=Body(NewOrder),
    refuses=[
        UNKNOWN_PACKAGE,
        CREDIT_FROZEN,
        RATE_LIMITED,
        SALES_OFF,
        PAYMENTS_UNAVAILABLE,
    ],
)
async def checkout(principal: Principal) -> Checkout:
    """Begin a purchase: payment happens on Stripe's own page."""
    order = await read_form(NewOrder)
    shop = open_shop()
    rate = Rate(f"checkouts {principal.user_id}", _CHECKOUTS_PER_MINUTE)
    await admit(rate, "Too many purchases begun.")
    outcome = await shop.checkout(principal, order.package_id, own_address())
    if isinstance(outcome, CheckoutRefusal):
        raise _problem(outcome)
    return Checkout(checkout_url=outcome.url, checkout_session_id=outcome.checkout_session_id)


@blueprint.get("/purchases/<checkout_session_id>")
@authenticated
@described(
    Topic.BILLING,
    gives={200: Answer("How it stands.", PurchaseStanding)},
    path={"checkout_session_id": SessionId},
    refuses=[UNKNOWN_PURCHASE, SALES_OFF],
    more="Asks Stripe while the purchase is pending, so that a paid one is credited at once.",
)
async def purchase(principal: Principal, checkout_session_id: str) -> PurchaseStanding:
    """How one of the user's own purchases stands."""
    shop = open_shop()
    if not is_session_id(checkout_session_id):
        raise UNKNOWN_PURCHASE.problem()
    # Whoever asks more often than this gets what is known, without Stripe.
    look = await wiring().services.quotas.admit([look_rate(principal)]) == 0
    found = await shop.purchase(principal, checkout_session_id, look=look)
    if found is None:
        raise UNKNOWN_PURCHASE.problem()
    return PurchaseStanding(
        status=found.state.value, seconds=found.seconds, package_id=found.package_id
    )


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
