"""`[costs]`: its keys."""

from decimal import ROUND_CEILING, Decimal

import attrs

from relayd.config.keys import about
from relayd.config.sections.offers import Model
from relayd.config.values import as_decimal

__all__ = ["Costs"]


@attrs.frozen(kw_only=True)
class Costs:
    """What a sale costs the operator; only compared with prices, never charged to anybody."""

    engine_cents_per_minute: Decimal = attrs.field(
        default=Decimal("0.77"),
        converter=as_decimal,
        metadata=about(
            "What the engine costs, of models that say nothing else: Deepgram's nova-3 as of 2026. "
            "Look at your own invoice.",
            unit="cents a minute",
            least=0,
            most=1000,
        ),
    )
    fee_percent: Decimal = attrs.field(
        default=Decimal("2.9"),
        converter=as_decimal,
        metadata=about(
            "What Stripe keeps of a price; methods and countries differ.",
            unit="percent",
            least=0,
            most=50,
        ),
    )
    fee_cents: int = attrs.field(
        default=30,
        metadata=about("What Stripe keeps of each payment.", unit="cents", least=0, most=10_000),
    )
    allow_loss: bool = attrs.field(
        default=False,
        metadata=about(
            "Sell packages below their cost; else the start is refused where one loses money.",
            unit="true or false",
        ),
    )

    def engine_cents_of(self, model: Model) -> Decimal:
        """What the engine charges for a minute of a model: as the model says, or as all others."""
        said = model.cents_per_minute
        return self.engine_cents_per_minute if said is None else said

    def fees(self, paid_cents: int, payments: int = 1) -> Decimal:
        """What Stripe keeps, in cents, of what so many payments come to."""
        return paid_cents * self.fee_percent / 100 + payments * self.fee_cents

    def least_price_cents(self, cost_cents: Decimal) -> int:
        """The lowest whole price, of one payment, that leaves this much after Stripe's fees."""
        least = (cost_cents + self.fee_cents) / (1 - self.fee_percent / 100)
        return max(1, int(least.to_integral_value(ROUND_CEILING)))
