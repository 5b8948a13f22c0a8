"""What a package earns: the price, less Stripe's share and what the engine costs. Pure, exact."""

from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal
from typing import Final

import attrs

from relayd.config import Costs, Package
from relayd.errors import ConfigError

__all__ = ["Margin", "margins", "refuse_losses"]

_SECONDS_PER_MINUTE: Final = 60


@attrs.frozen
class Margin:
    """One package in cents: what it costs to deliver, what payment costs, what stays."""

    package: Package
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
            f"{self.package.price_cents} - {self.engine_cents:.2f} engine - "
            f"{self.fee_cents:.2f} fees = {self.cents:.2f} cents ({self.percent:.1f} %)"
        )


def margins(packages: Sequence[Package], costs: Costs) -> list[Margin]:
    """The margin of each package."""
    return [_margin(package, costs) for package in packages]


def refuse_losses(packages: Sequence[Package], costs: Costs) -> None:
    """Raise ConfigError for the first package that loses money, unless that is allowed."""
    for position, margin in enumerate(margins(packages, costs)):
        if margin.losing and not costs.allow_loss:
            raise ConfigError(f"packages[{position}].price_cents", problem(margin))


def problem(margin: Margin) -> str:
    """What is wrong with a losing package, and what would do."""
    return (
        f"{margin.package.id!r} loses money: {margin}; {margin.least_price_cents} would do, "
        "or set costs.allow_loss = true"
    )


def _margin(package: Package, costs: Costs) -> Margin:
    engine = package.seconds * costs.engine_cents_per_minute / _SECONDS_PER_MINUTE
    share = costs.fee_percent / 100
    least = (engine + costs.fee_cents) / (1 - share)
    return Margin(
        package,
        engine_cents=engine,
        fee_cents=package.price_cents * share + costs.fee_cents,
        least_price_cents=max(1, int(least.to_integral_value(ROUND_CEILING))),
    )
