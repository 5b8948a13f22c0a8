"""What a user must have, reckoned from Stripe's final state alone: the histories' judge.

Written from the rules and not from relayd's code: who has paid gets what was sold; of it goes,
in proportion and rounded down once, what of the price is gone by refunds and by disputes whose
money is away; never more than was sold. Credit is frozen while a dispute is undecided. Whoever has
paid for a period of a plan that isn't over, and has a part of that left to them, is on the plan.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from math import floor

import attrs

from tests.stripe_standin import Account
from tests.stripe_standin.shapes import Json

__all__ = ["Right", "right_balance"]

DECIDED = {"won", "lost", "warning_closed"}


@attrs.frozen
class Right:
    """A user's credit before anything was used of it, in milliseconds, and whether it is usable.

    ``over_ms``: of periods that are over; of it counts what was used, or paid a debt.
    """

    bought_ms: int
    frozen: bool
    over_ms: int = 0
    on_plan: bool = False


def right_balance(
    stripe: Account,
    session_ids: Iterable[str],
    seconds_of_price: Mapping[int, int],
    period_ms: int,
) -> Right:
    """The credit that a user's Checkout Sessions, and what they began, are worth now."""
    tables, now = stripe.records.tables, stripe.records.now()
    bought_ms, over_ms, frozen, on_plan = 0, 0, False, False
    for session in map(tables["cs"].__getitem__, session_ids):
        if session["mode"] == "payment" and session["payment_status"] == "paid":
            intent, price = session["payment_intent"], session["amount_total"]
            bought_ms += _left(stripe, intent, price, seconds_of_price[price] * 1000)
            frozen = frozen or _frozen(stripe, intent)
        for invoice in _paid_invoices(stripe, session["subscription"]):
            intent = stripe.records.intent_of(invoice)
            left_ms = _left(stripe, intent, invoice["amount_paid"], period_ms)
            frozen = frozen or _frozen(stripe, intent)
            if invoice["lines"]["data"][0]["period"]["end"] > now:
                bought_ms += left_ms
                on_plan = on_plan or left_ms > 0
            else:
                over_ms += left_ms
    return Right(bought_ms, frozen, over_ms, on_plan)


def _left(stripe: Account, intent: str | None, price: int, sold_ms: int) -> int:
    """What of what was sold stays, in proportion to the money that stays."""
    gone = sum(map(_refunded, _of_payment(stripe, "re", intent)))
    gone += sum(one["amount"] for one in _of_payment(stripe, "dp", intent) if _moved(one) < 0)
    return sold_ms - floor(sold_ms * min(Fraction(1), Fraction(gone, price)))


def _frozen(stripe: Account, intent: str | None) -> bool:
    return any(map(_undecided, _of_payment(stripe, "dp", intent)))


def _paid_invoices(stripe: Account, subscription_id: str | None) -> list[Json]:
    return [
        one
        for one in stripe.records.all("in")
        if one["status"] == "paid"
        and one["parent"]["subscription_details"]["subscription"] == subscription_id
    ]


def _of_payment(stripe: Account, prefix: str, intent: str | None) -> list[Json]:
    return [one for one in stripe.records.all(prefix) if one["payment_intent"] == intent]


def _refunded(refund: Json) -> int:
    """What of a refund is on its way or there."""
    amount: int = refund["amount"]
    return amount if refund["status"] in {"pending", "requires_action", "succeeded"} else 0


def _moved(dispute: Json) -> int:
    """What a dispute has moved in all, seen from the seller."""
    return sum(one["amount"] for one in dispute["balance_transactions"])


def _undecided(dispute: Json) -> bool:
    """Whether a bank may still take the money, or has not said that it keeps it."""
    given_back = bool(dispute["balance_transactions"]) and _moved(dispute) >= 0
    return dispute["status"] not in DECIDED and not given_back
