"""What a plan costs at Stripe is what the configuration says, or nothing is sold."""

from pathlib import Path

import attrs
import pytest
import trio

from relayd.errors import ConfigError, StripeUnavailable
from relayd.payments.ports import Price
from relayd.payments.selling.prices import plans_for_sale, price_problem, refuse_wrong_prices
from tests.config.files import read
from tests.payments.stall import PRO
from tests.payments.till import Till

PRICE = Price(PRO.price_id, True, PRO.price_cents, PRO.currency, "month", 1)


MINE = """
minutes = 7
live = false
[[packages]]
id = 'one'
label = 'One'
seconds = 60
price_cents = 100
currency = 'eur'
"""
SALES = """
server.public_url = 'https://a.example'
[plans]
on = true
[plans.free]
unproven = true
[stripe]
api_key = 'sk_test_x'
webhook_secrets = ['whsec_x']
[plans.pro]
price_id = '%s'
"""


@pytest.mark.parametrize(
    ("more", "minutes", "live", "currency"), [("", 1000, True, "usd"), (MINE, 7, False, "eur")]
)
def test_a_plan_for_sale(
    tmp_path: Path, more: str, minutes: int, live: bool, currency: str
) -> None:
    """It is sold in the packages' currency, and gives what is configured; without a price, none."""
    settings = read(tmp_path, SALES % "price_a" + more)
    (sold,) = plans_for_sale(settings)
    assert (sold.name, sold.price_id, sold.currency) == ("pro", "price_a", currency)
    assert (sold.price_cents, sold.period_ms, sold.live) == (2900, minutes * 60_000, live)
    assert plans_for_sale(read(tmp_path, SALES % "" + more)) == ()


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
    """The key at fault is named, and what is wrong with it."""
    till = Till()
    with pytest.raises(ConfigError, match=r"plans\.pro\.price_id.* no price of this Stripe"):
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
    # One that could not be asked about keeps no other from being judged.
    till.slow_seconds = 0
    till.faults.append(StripeUnavailable("away"))
    with pytest.raises(ConfigError):
        await refuse_wrong_prices(till, [PRO, PRO])
