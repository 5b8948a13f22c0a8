"""What can be subscribed to, and whether it costs at Stripe what the configuration says."""

from collections.abc import Sequence
from typing import Final

import trio

from relayd import logs
from relayd.config import Config
from relayd.errors import ConfigError, StripeUnavailable
from relayd.payments.books.subscriptions import ForSubscribers
from relayd.payments.ports import Price, StripeApi

__all__ = ["plans_for_sale", "price_problem", "refuse_wrong_prices"]

log = logs.get(__name__)

# A start doesn't wait longer for Stripe: people are to be served meanwhile.
START_SECONDS: Final = 10
_MS_PER_MINUTE: Final = 60_000


def plans_for_sale(config: Config) -> tuple[ForSubscribers, ...]:
    """The plans that have a price at Stripe: one, or none."""
    pro = config.plans.pro
    if not pro.price_id:
        return ()
    currency = config.packages[0].currency
    period_ms = pro.minutes * _MS_PER_MINUTE
    return (
        ForSubscribers("pro", pro.price_id, pro.price_cents, currency, period_ms, live=pro.live),
    )


async def refuse_wrong_prices(stripe: StripeApi, plans: Sequence[ForSubscribers]) -> None:
    """Raise ConfigError for a plan whose price at Stripe is another one, or none that is paid.

    Where Stripe can't be asked, the daemon starts all the same.
    """
    for plan in plans:
        try:
            with trio.fail_after(START_SECONDS):
                problem = price_problem(plan, await stripe.price(plan.price_id))
        except (StripeUnavailable, trio.TooSlowError) as error:
            log.warning("price of a plan not looked up", plan=plan.name, problem=str(error))
            continue
        if problem is not None:
            raise ConfigError(f"plans.{plan.name}.price_id", problem)
        log.info("plan for sale", plan=plan.name, price=plan.price_id, cents=plan.price_cents)


def price_problem(plan: ForSubscribers, price: Price | None) -> str | None:
    """What is wrong with the price of a plan, and the remedy; None where nothing is. Pure."""
    if price is None:
        return f"{plan.price_id} is no price of this Stripe account and mode: copy it from there"
    if not price.active:
        return f"{plan.price_id} is archived at Stripe: name one that is active"
    if (price.interval, price.interval_count) != ("month", 1):
        return f"{plan.price_id} is not paid every month: make one that recurs monthly"
    if (price.amount_cents, price.currency) != (plan.price_cents, plan.currency):
        return (
            f"{plan.price_id} is {price.amount_cents} {price.currency} cents at Stripe and "
            f"{plan.price_cents} {plan.currency} cents here: change plans.{plan.name}.price_cents, "
            "or name another price"
        )
    return None
