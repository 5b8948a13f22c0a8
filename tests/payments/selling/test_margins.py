"""What packages earn, to the fraction of a cent, and what keeps a daemon from starting."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayd.config import Costs, Model, Package
from relayd.config.sections.offers import DEFAULT_MODELS
from relayd.config.sections.packages import DEFAULT_PACKAGES
from relayd.errors import ConfigError
from relayd.payments.selling.margins import Margin, margins, refuse_losses


def pack(seconds: int, price_cents: int) -> Package:
    """A package."""
    return Package(id="p", label="P", seconds=seconds, price_cents=price_cents)


def margin_of(package: Package, costs: Costs) -> Margin:
    """Its margin."""
    (margin,) = margins([package], [EVEN], costs)
    return margin


# A second for a second, at what [costs] says.
EVEN = Model(name="m")


def test_defaults_earn_money() -> None:
    """Each default package earns at 0.77 cents a minute, 2.9 % and 30 cents: exactly this."""
    costs = Costs(engine_cents_per_minute=Decimal("0.77"), fee_percent=Decimal("2.9"), fee_cents=30)
    assert [one.cents for one in margins(DEFAULT_PACKAGES, DEFAULT_MODELS, costs)] == [
        Decimal("166.629"),
        Decimal("307.329"),
        Decimal("572.029"),
    ]
    assert costs == Costs()
    refuse_losses(DEFAULT_PACKAGES, DEFAULT_MODELS, costs)


def test_a_losing_package_is_refused() -> None:
    """The package, its place, the sum and the price that would do are named."""
    with pytest.raises(ConfigError) as caught:
        refuse_losses([*DEFAULT_PACKAGES, pack(6000, 110)], [EVEN], Costs())
    assert caught.value.key == "packages[3].price_cents"
    assert "'p' loses money: 110 - 77.00 engine (m) - 33.19 fees = -0.19 cents" in str(caught.value)
    assert "; 111 would do" in str(caught.value)


def test_a_loss_can_be_allowed() -> None:
    """An operator may sell below cost who says so."""
    refuse_losses([pack(6000, 1)], [EVEN], Costs(allow_loss=True))


def test_nothing_earned_is_no_loss() -> None:
    """Zero is where a loss begins."""
    costs = Costs(engine_cents_per_minute=60, fee_percent=0, fee_cents=40)
    assert margin_of(pack(60, 100), costs).cents == 0
    refuse_losses([pack(60, 100)], [EVEN], costs)
    with pytest.raises(ConfigError):
        refuse_losses([pack(60, 99)], [EVEN], costs)


def test_the_model_that_leaves_least_counts() -> None:
    """Who buys a package may spend all of it on the dearest model: at its cost, and its rate."""
    costs = Costs(engine_cents_per_minute=1, fee_percent=0, fee_cents=0)
    medical = Model(name="medical", languages=("en",), cents_per_minute=Decimal(3))
    priced = Model(name="priced", rate=3000, cents_per_minute=Decimal(3))

    (dear,) = margins([pack(6000, 200)], [EVEN, medical, priced], costs)
    (paid,) = margins([pack(6000, 200)], [priced], costs)

    assert (dear.model, dear.cents, dear.losing) == (medical, Decimal(-100), True)
    assert (paid.cents, paid.losing) == (Decimal(100), False)
    with pytest.raises(
        ConfigError, match=r"engine \(medical en\) .* or a higher rate of medical en"
    ):
        refuse_losses([pack(6000, 200)], [priced, medical], costs)
    refuse_losses([pack(6000, 200)], [priced], costs)


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
