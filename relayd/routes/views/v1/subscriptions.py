"""/api/v1/stripe: subscribing to a plan, and the portal to leave it by, on pages of Stripe's."""

from typing import Annotated, Final, Literal, Self, assert_never

from msgspec import Meta
from quart import Blueprint

from relayd.identity import Principal
from relayd.payments.books.subscriptions import ForSubscribers, Subscriber
from relayd.payments.selling.subscribing import PortalRefusal, SubscribeRefusal
from relayd.quotas.limits import Rate
from relayd.routes.toolkit.bodies import read_form
from relayd.routes.toolkit.description import Answer, Body, ResponseLink, Topic, described
from relayd.routes.toolkit.forms import STORABLE, Form, Time, told
from relayd.routes.toolkit.problems import Problem, Refusal
from relayd.routes.toolkit.protection import RATE_LIMITED, authenticated, unauthenticated
from relayd.routes.toolkit.wiring import wiring
from relayd.routes.views.billing.billing import CREDIT_FROZEN, Checkout
from relayd.routes.views.billing.sales import (
    PAYMENTS_UNAVAILABLE,
    RETRY_SECONDS,
    SALES_OFF,
    Currency,
    PriceCents,
    SessionId,
    admit,
    is_session_id,
    look_rate,
    open_shop,
    own_address,
)

__all__ = ["blueprint"]

# Pages of Stripe's that a user asks for, to pay on or to leave by.
_PAGES_PER_MINUTE: Final = 10
# Where a browser comes back to, of our own pages.
_PAGE: Final = "/account"

UNKNOWN_PLAN: Final = Refusal(422, "unknown_plan", "No such plan can be subscribed to here.")
ALREADY_SUBSCRIBED: Final = Refusal(
    409,
    "already_subscribed",
    "You have a subscription that runs. The portal is where to change it.",
)
NOT_SUBSCRIBED: Final = Refusal(404, "not_subscribed", "You have no subscription to look after.")
UNKNOWN_SUBSCRIPTION: Final = Refusal(404, "unknown_subscription", "You have no such subscription.")

PlanName = Annotated[str, told("The plan's name for programs.", "pro", pattern=STORABLE)]


class NewSubscription(Form):
    """What to subscribe to."""

    plan: PlanName


class Portal(Form):
    """Where a subscription is looked after."""

    portal_url: Annotated[
        str,
        told(
            "A page of Stripe's, for this user and for some minutes.",
            "https://billing.stripe.com/p/session/a1",
            format="uri",
        ),
    ]


class SubscriptionStanding(Form):
    """How a subscription stands. What was paid counts until its period is over in any case."""

    plan: PlanName
    state: Annotated[
        Literal["pending", "expired", "running", "ended"],
        told("Running ones bring further invoices, unless they cancel.", "running"),
    ]
    status: Annotated[
        str, told("Stripe's own word: active, past_due, canceled and others.", "active")
    ]
    cancels: Annotated[bool, told("Whether it ends with its period.", sample=False)]
    period_ends_at: Time | None

    @classmethod
    def of(cls, one: Subscriber) -> Self:
        """As it is recorded."""
        ends_at = one.period_end
        return cls(
            plan=one.plan,
            state=one.state.value,
            status=one.status,
            cancels=one.cancels,
            period_ends_at=None if ends_at is None else ends_at.isoformat(),
        )


class MonthlyPlan(Form):
    """What can be subscribed to."""

    plan: PlanName
    price_cents: PriceCents
    currency: Currency
    seconds: Annotated[
        int, Meta(ge=1), told("Given for each month that is paid, and over with it.", 60_000)
    ]

    @classmethod
    def of(cls, one: ForSubscribers) -> Self:
        """As the operator sells it."""
        return cls(
            plan=one.name,
            price_cents=one.price_cents,
            currency=one.currency,
            seconds=one.period_ms // 1000,
        )


class SubscriptionOffer(Form):
    """What can be subscribed to, and how one's own subscription stands."""

    plans: list[MonthlyPlan]
    # The one that runs, else the last one that did; empty: there never was one.
    subscriptions: list[SubscriptionStanding]


_AFTERWARDS: Final = {
    "v1_subscriptions_checkout": ResponseLink(
        path={"checkout_session_id": "$response.body#/checkout_session_id"}
    )
}

blueprint = Blueprint("v1_subscriptions", __name__, url_prefix="/api/v1/stripe")


@blueprint.post("/create-checkout")
@authenticated
@described(
    Topic.BILLING,
    gives={200: Answer("Where to pay.", Checkout, links=_AFTERWARDS)},
    takes=Body(NewSubscription),
    refuses=[
        UNKNOWN_PLAN,
        ALREADY_SUBSCRIBED,
        CREDIT_FROZEN,
        RATE_LIMITED,
        SALES_OFF,
        PAYMENTS_UNAVAILABLE,
    ],
)
async def create_checkout(principal: Principal) -> Checkout:
    """Begin a subscription: it is paid every month, from Stripe's own page on."""
    order = await read_form(NewSubscription)
    shop = open_shop()
    await _admit(principal)
    outcome = await shop.subscribing.begin(principal, order.plan, own_address())
    if isinstance(outcome, SubscribeRefusal):
        raise _problem(outcome)
    return Checkout(checkout_url=outcome.url, checkout_session_id=outcome.checkout_session_id)


@blueprint.post("/create-portal")
@authenticated
@described(
    Topic.BILLING,
    gives={200: Answer("Where it is looked after.", Portal)},
    refuses=[NOT_SUBSCRIBED, RATE_LIMITED, SALES_OFF, PAYMENTS_UNAVAILABLE],
)
async def create_portal(principal: Principal) -> Portal:
    """A page of Stripe's on which the user cancels, or changes how they pay."""
    shop = open_shop()
    await _admit(principal)
    outcome = await shop.subscribing.portal(principal, f"{own_address()}{_PAGE}")
    match outcome:
        case PortalRefusal.NOT_SUBSCRIBED:
            raise NOT_SUBSCRIBED.problem()
        case PortalRefusal.STRIPE_UNAVAILABLE:
            raise _unavailable()
        case _:
            return Portal(portal_url=outcome)


@blueprint.get("/subscription")
@authenticated
@described(
    Topic.BILLING,
    gives={200: Answer("What there is, and how it stands.", SubscriptionOffer)},
    refuses=[SALES_OFF],
    more="The subscription that runs, else the last one that did.",
)
async def subscription(principal: Principal) -> SubscriptionOffer:
    """What can be subscribed to, and how the user's own subscription stands."""
    subscribing = open_shop().subscribing
    found = await subscribing.standing(principal, look=False)
    return SubscriptionOffer(
        plans=[MonthlyPlan.of(one) for one in subscribing.plans],
        subscriptions=[] if found is None else [SubscriptionStanding.of(found)],
    )


@blueprint.get("/checkouts/<checkout_session_id>")
@authenticated
@described(
    Topic.BILLING,
    gives={200: Answer("How it stands.", SubscriptionStanding)},
    path={"checkout_session_id": SessionId},
    refuses=[UNKNOWN_SUBSCRIPTION, SALES_OFF],
    more="Asks Stripe, so that what was just paid counts at once.",
)
async def checkout(principal: Principal, checkout_session_id: str) -> SubscriptionStanding:
    """How the subscription stands that was begun on this page of Stripe's."""
    shop = open_shop()
    if not is_session_id(checkout_session_id):
        raise UNKNOWN_SUBSCRIPTION.problem()
    # Whoever asks more often than this gets what is known, without Stripe.
    look = await wiring().services.quotas.admit([look_rate(principal)]) == 0
    found = await shop.subscribing.come_back(principal, checkout_session_id, look=look)
    if found is None:
        raise UNKNOWN_SUBSCRIPTION.problem()
    return SubscriptionStanding.of(found)


async def _admit(principal: Principal) -> None:
    rate = Rate(f"subscribing {principal.user_id}", _PAGES_PER_MINUTE)
    await admit(rate, "Too many pages asked for.")


def _unavailable() -> Problem:
    return PAYMENTS_UNAVAILABLE.problem(retry_after_seconds=RETRY_SECONDS)


def _problem(refusal: SubscribeRefusal) -> Problem:
    match refusal:
        case SubscribeRefusal.UNKNOWN_PLAN:
            return UNKNOWN_PLAN.problem()
        case SubscribeRefusal.UNKNOWN_USER:
            return unauthenticated()
        case SubscribeRefusal.ALREADY_SUBSCRIBED:
            return ALREADY_SUBSCRIBED.problem()
        case SubscribeRefusal.CREDIT_FROZEN:
            return CREDIT_FROZEN.problem()
        case SubscribeRefusal.STRIPE_UNAVAILABLE:
            return _unavailable()
        case _:
            assert_never(refusal)
