"""What is for sale and whether it pays, and whether Stripe takes our key."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Final

import attrs

from relayd import config
from relayd.checks.finding import Finding
from relayd.engines.selection import models_for_sale
from relayd.errors import StripeUnavailable
from relayd.payments.books.subscriptions import ForSubscribers
from relayd.payments.selling.margins import margins, problem
from relayd.payments.selling.prices import price_problem
from relayd.payments.stripe.api import open_stripe

__all__ = ["judge", "reach"]

# Each of three requests, repeated twice: nobody waits longer than a minute in all.
_REQUEST_SECONDS: Final = 5.0
_MODES: Final = {
    True: "live mode: real money",
    False: "test mode: nobody is charged",
    None: "a key that doesn't tell its mode",
}
_SIGNING: Final = "whsec_"


def judge(configured: config.Config) -> Iterator[Finding]:
    """Packages and the forms of keys, without asking anybody."""
    stripe = configured.stripe
    if not stripe.sales:
        yield Finding("sales", True, "off: stripe.api_key is not set")
    else:
        yield _seller(configured.seller)
    for margin in margins(configured.packages, models_for_sale(configured), configured.costs):
        well = configured.costs.allow_loss or not margin.losing
        remedy = "" if well else problem(margin)
        yield Finding(f"package {margin.package.id}", well, str(margin), remedy)
    for position, secret in enumerate(stripe.webhook_secrets):
        if not secret.reveal().startswith(_SIGNING):
            yield Finding(
                "webhook",
                False,
                f"stripe.webhook_secrets[{position}] doesn't begin with {_SIGNING}: Stripe's "
                "messages will be refused",
                "copy the signing secret that Stripe shows with the webhook endpoint",
            )


def _seller(seller: config.Seller) -> Finding:
    # Which of it must be named is for a country's law to say: nothing is refused.
    missing = [name for name, said in attrs.asdict(seller).items() if not said]
    remedy = f"buyers look for it: set {', '.join(missing)} in [seller]" if missing else ""
    return Finding("seller", True, seller.name or "not named", remedy)


async def reach(stripe: config.Stripe, plans: Sequence[ForSubscribers] = ()) -> Finding:
    """Ask for empty lists, which is what the daemon reads at least, and what plans cost."""
    detail = f"on, through {stripe.api_url}, {_MODES[stripe.live]}"
    since = dt.datetime.now(dt.UTC)
    patient = min(stripe.request_seconds, _REQUEST_SECONDS)
    try:
        async with open_stripe(attrs.evolve(stripe, request_seconds=patient)) as api:
            for ask in (api.list_sessions, api.list_refunds, api.list_disputes):
                await ask(since, None)
            if plans:
                await api.list_invoices(since, None)
            problems = [price_problem(one, await api.price(one.price_id)) for one in plans]
    except* StripeUnavailable as group:
        error = group.exceptions[0]
        refused = isinstance(error, StripeUnavailable) and error.refused
        remedy = (
            "is stripe.api_key right and in force, and may it read Checkout Sessions, Refunds, "
            "Disputes, and for plans Invoices and Prices?"
            if refused
            else "is the network open, and is stripe.api_url right?"
        )
        found = Finding("sales", False, f"{detail}: {error}", remedy)
    else:
        wrong = "; ".join(one for one in problems if one)
        found = Finding("sales", not wrong, detail, wrong and f"plans.pro.price_id: {wrong}")
    return found
