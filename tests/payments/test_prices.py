"""What a plan costs at Stripe is what the configuration says, or nothing is sold."""

import attrs
import pytest
import trio

from relayd.errors import ConfigError, StripeUnavailable
from relayd.payments.ports import Price
from relayd.payments.prices import price_problem, refuse_wrong_prices
from tests.payments.stall import PRO
from tests.payments.till import Till

PRICE = Price(PRO.price_id, True, PRO.price_cents, PRO.currency, "month", 1)


@pytest.mark.parametrize(
    ("price", "words"),
    [
        (None, "no price of this Stripe account"),
        (attrs.evolve(PRICE, active=False), "archived"),
        (attrs.evolve(PRICE, interval=None, interval_count=0), "not paid every month"),
        (attrs.evolve(PRICE, interval="year"), "not paid every month"),
        (attrs.evolve(PRICE, interval_count=3), "not paid every month"),
        (attrs.evolve(PRICE, amount_cents=2901), "2901 usd cents at Stripe and 2900"),
        (attrs.evolve(PRICE, currency="eur"), "eur"),
    ],
)
def test_a_wrong_price_is_named(price: Price | None, words: str) -> None:
    """Missing, archived, not monthly, of another amount or currency: each says what to do."""
    problem = price_problem(PRO, price)
    assert problem is not None
    assert words in problem


def test_a_right_price() -> None:
    """Monthly, active, the same amount in the same currency."""
    assert price_problem(PRO, PRICE) is None


async def test_a_start_is_refused() -> None:
    """The key at fault is named."""
    till = Till()
    with pytest.raises(ConfigError, match=r"plans\.pro\.price_id"):
        await refuse_wrong_prices(till, [PRO])
    till.account.subscriptions.price(PRO.price_cents, key=PRO.price_id)
    await refuse_wrong_prices(till, [PRO])


async def test_a_start_waits_for_nobody(autojump_clock: trio.testing.MockClock) -> None:
    """Where Stripe can't be asked, or not in time, people are served all the same."""
    till = Till()
    till.faults.append(StripeUnavailable("away"))
    await refuse_wrong_prices(till, [PRO])
    till.slow_seconds = 60
    await refuse_wrong_prices(till, [PRO])
    assert trio.current_time() < 20
