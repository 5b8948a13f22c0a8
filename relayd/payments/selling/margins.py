"""What a package earns: the price, less Stripe's share and what the engine costs. Pure, exact.

Whoever buys it may spend all of it on one model, so a package earns what it earns with the model
that leaves least.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import attrs

from relayd.config import Costs, Model, Package
from relayd.errors import ConfigError

__all__ = ["Margin", "margins", "refuse_losses"]

_SECONDS_PER_MINUTE: Final = 60
# The rate that sells a second for a second.
_EVEN: Final = 1000


@attrs.frozen
class Margin:
    """One package in cents: what it costs to deliver, what payment costs, what stays."""

    package: Package
    # On which all of it is spent.
    model: Model
    engine_cents: Decimal
    fee_cents: Decimal
    # The lowest whole price that loses nothing.
    least_price_cents: int

    @property
    def cents(self) -> Decimal:
        """What stays of the price where every second is used; negative is a loss."""
        return self.package.price_cents - self.engine_cents - self.fee_cents

    @property
    def percent(self) -> Decimal:
        """The same of the price."""
        return self.cents * 100 / self.package.price_cents

    @property
    def losing(self) -> bool:
        """Whether each sale costs money."""
        return self.cents < 0

    def __str__(self) -> str:
        return (
            f"{self.package.price_cents} - {self.engine_cents:.2f} engine ({self.model}) - "
            f"{self.fee_cents:.2f} fees = {self.cents:.2f} cents ({self.percent:.1f} %)"
        )


def margins(packages: Sequence[Package], models: Sequence[Model], costs: Costs) -> list[Margin]:
    """The margin of each package with the model, of these, that leaves least of it."""
    return [
        min((_margin(package, model, costs) for model in models), key=lambda margin: margin.cents)
        for package in packages
    ]


def refuse_losses(packages: Sequence[Package], models: Sequence[Model], costs: Costs) -> None:
    """Raise ConfigError for the first package that loses money, unless that is allowed."""
    for position, margin in enumerate(margins(packages, models, costs)):
        if margin.losing and not costs.allow_loss:
            raise ConfigError(f"packages[{position}].price_cents", problem(margin))


def problem(margin: Margin) -> str:
    """What is wrong with a losing package, and what would do."""
    return (
        f"{margin.package.id!r} loses money: {margin}; {margin.least_price_cents} would do, "
        f"or a higher rate of {margin.model}, or set costs.allow_loss = true"
    )


def _margin(package: Package, model: Model, costs: Costs) -> Margin:
    a_minute = costs.engine_cents_of(model)
    engine = package.seconds * _EVEN * a_minute / (_SECONDS_PER_MINUTE * model.rate)
    return Margin(
        package,
        model,
        engine_cents=engine,
        fee_cents=costs.fees(package.price_cents),
        least_price_cents=costs.least_price_cents(engine),
    )
