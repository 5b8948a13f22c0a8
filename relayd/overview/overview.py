"""Everything that an operator looks at first, read in one transaction, with what it cost."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Final

import attrs

from relayd.config import Config
from relayd.database.ports import Connection
from relayd.engines.files import offered
from relayd.overview.engine_days import EngineDay, engine_days
from relayd.overview.present import Present, present
from relayd.overview.takings import Takings, takings

__all__ = ["Overview", "Prices", "overview"]

_MS_PER_MINUTE: Final = 60_000
# Of an engine day, what the engine charged for a minute of its audio, in cents.
Prices = Callable[[EngineDay], Decimal]


@attrs.frozen
class Overview:
    """So many days until today (UTC), and this moment. Cents are of ``currency``."""

    since: dt.date
    currency: str
    days: tuple[EngineDay, ...]
    takings: tuple[Takings, ...]
    present: Present
    costs: tuple[Decimal, ...]
    fees: Decimal

    @property
    def kept_cents(self) -> int:
        """What was paid and not taken back."""
        return sum(
            one.paid_cents - one.taken_back_cents
            for one in self.takings
            if one.currency == self.currency
        )

    @property
    def engine_cents(self) -> Decimal:
        """What the engines charged for all of it; ``costs`` says it for each engine day."""
        return sum(self.costs, Decimal(0))

    @property
    def margin_cents(self) -> Decimal:
        """What stays. Minutes that are sold and not used yet have cost nothing so far."""
        return self.kept_cents - self.fees - self.engine_cents


def overview(connection: Connection, config: Config, today: dt.date, days: int) -> Overview:
    """The last ``days`` days, today among them."""
    since = today - dt.timedelta(days=days - 1)
    prices = prices_of(config)
    each = tuple(engine_days(connection, since))
    money = tuple(takings(connection, since))
    currency = config.packages[0].currency if config.packages else ""
    return Overview(
        since,
        currency,
        each,
        money,
        present(connection),
        tuple(one.audio_ms * prices(one) / _MS_PER_MINUTE for one in each),
        _fees(config, [one for one in money if one.currency == currency]),
    )


def prices_of(config: Config) -> Prices:
    """What engines charge, as configured.

    A model may have several prices, one for many languages at once: the rate tells them apart. Who
    stepped in for a cheaper engine has that one's rate, and counts as the dearest of its name.
    """
    costs = config.costs
    models = config.engines.deepgram.models
    live = {(one.name, one.rate): costs.engine_cents_of(one) for one in models}
    dearest = {
        one.name: max(costs.engine_cents_of(each) for each in models if each.name == one.name)
        for one in models
    }
    recordings = {one.name.lower(): one.cents_per_minute for one in offered(config)}

    def price(day: EngineDay) -> Decimal:
        if day.kind == "batch":
            return recordings.get(day.model.lower(), Decimal(0))
        if day.engine != "deepgram":
            return Decimal(0)
        dear = dearest.get(day.model, costs.engine_cents_per_minute)
        return live.get((day.model, day.rate), dear)

    return price


def _fees(config: Config, money: list[Takings]) -> Decimal:
    """What Stripe kept; it keeps that of what is paid back, too."""
    fees = (config.costs.fees(one.paid_cents, one.purchases) for one in money)
    return sum(fees, Decimal(0))
