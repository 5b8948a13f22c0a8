"""What packages earn, to the fraction of a cent, and what keeps a daemon from starting."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayd.config import Costs, Package
from relayd.config.packages import DEFAULT_PACKAGES
from relayd.errors import ConfigError
from relayd.payments.margins import Margin, margins, refuse_losses


def pack(seconds: int, price_cents: int) -> Package:
    """A package."""
    return Package(id="p", label="P", seconds=seconds, price_cents=price_cents)


def margin_of(package: Package, costs: Costs) -> Margin:
    """Its margin."""
    (margin,) = margins([package], costs)
    return margin


def test_defaults_earn_money() -> None:
    """Each default package earns at 0.77 cents a minute, 2.9 % and 30 cents: exactly this."""
    costs = Costs(engine_cents_per_minute=Decimal("0.77"), fee_percent=Decimal("2.9"), fee_cents=30)
    assert [one.cents for one in margins(DEFAULT_PACKAGES, costs)] == [
        Decimal("166.629"),
        Decimal("307.329"),
        Decimal("572.029"),
    ]
    assert costs == Costs()
    refuse_losses(DEFAULT_PACKAGES, costs)


def test_a_losing_package_is_refused() -> None:
    """The package, its place, the sum and the price that would do are named."""
    with pytest.raises(ConfigError) as caught:
        refuse_losses([*DEFAULT_PACKAGES, pack(6000, 110)], Costs())
    assert caught.value.key == "packages[3].price_cents"
    assert "'p' loses money: 110 - 77.00 engine - 33.19 fees = -0.19 cents" in str(caught.value)
    assert "; 111 would do" in str(caught.value)


def test_a_loss_can_be_allowed() -> None:
    """An operator may sell below cost who says so."""
    refuse_losses([pack(6000, 1)], Costs(allow_loss=True))


def test_nothing_earned_is_no_loss() -> None:
    """Zero is where a loss begins."""
    costs = Costs(engine_cents_per_minute=60, fee_percent=0, fee_cents=40)
    assert margin_of(pack(60, 100), costs).cents == 0
    refuse_losses([pack(60, 100)], costs)
    with pytest.raises(ConfigError):
        refuse_losses([pack(60, 99)], costs)


@given(
    seconds=st.integers(1, 10**7),
    engine=st.decimals(0, 10, places=3),
    percent=st.decimals(0, 50, places=2),
    fee=st.integers(0, 500),
)
def test_the_price_that_would_do(seconds: int, engine: Decimal, percent: Decimal, fee: int) -> None:
    """It loses nothing, and a cent less would."""
    costs = Costs(engine_cents_per_minute=engine, fee_percent=percent, fee_cents=fee)
    least = margin_of(pack(seconds, 1), costs).least_price_cents

    assert margin_of(pack(seconds, least), costs).cents > Decimal("-1e-9")
    assert least == 1 or margin_of(pack(seconds, least - 1), costs).losing
