"""What a user must have, reckoned from Stripe's final state alone: the histories' judge.

Written from the rules and not from relayd's code: who has paid gets what was sold; of it goes,
in proportion and rounded down once, what of the price is gone by refunds and by disputes whose
money is away; never more than was sold. Credit is frozen while a dispute is undecided.
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
    """A user's credit before anything was used of it, in milliseconds, and whether it is usable."""

    bought_ms: int
    frozen: bool


def right_balance(
    stripe: Account, session_ids: Iterable[str], seconds_of_price: Mapping[int, int]
) -> Right:
    """The credit that a user's Checkout Sessions are worth now."""
    bought_ms, frozen = 0, False
    for session_id in session_ids:
        session = stripe.records.tables["cs"][session_id]
        if session["payment_status"] != "paid":
            continue
        price = session["amount_total"]
        sold_ms = seconds_of_price[price] * 1000
        disputes = _of_payment(stripe, "dp", session)
        gone = sum(map(_refunded, _of_payment(stripe, "re", session)))
        gone += sum(one["amount"] for one in disputes if _moved(one) < 0)
        bought_ms += sold_ms - floor(sold_ms * min(Fraction(1), Fraction(gone, price)))
        frozen = frozen or any(map(_undecided, disputes))
    return Right(bought_ms, frozen)


def _of_payment(stripe: Account, prefix: str, session: Json) -> list[Json]:
    intent = session["payment_intent"]
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
