"""What recordings can be transcribed with, by whom, and whether that pays."""

from collections.abc import Iterator
from decimal import ROUND_CEILING, Decimal

from relayd.checks.finding import Finding
from relayd.config import Config, Costs, Package
from relayd.engines.files import Offered, lacking, offered

__all__ = ["judge"]


def judge(config: Config) -> Iterator[Finding]:
    """Each model for recordings: its engines, what it costs, and what the least package earns."""
    for one in offered(config):
        lacks = [lack for pair in one.engines if (lack := lacking(config, *pair))]
        engines = ", then ".join(f"{engine}:{model}" for engine, model in one.engines)
        detail = f"{engines}; rate {one.rate}; costs {one.cents_per_minute:.2f} cents a minute"
        # Where nothing is for sale, nothing can be sold at a loss.
        losing, earns = False, Decimal(0)
        if config.packages:
            earns = min(_earned(package, config.costs, one) for package in config.packages)
            detail += f" and earns at least {earns:.2f}"
            losing = earns < one.cents_per_minute and not config.costs.allow_loss
        remedy, well = "", True
        if len(lacks) == len(one.engines):
            detail, well = f"nobody can transcribe with it: {engines}", False
            remedy = f"{', or '.join(lacks)}; or take the model out of [[models]]"
        elif losing and earns > 0:
            well = False
            rate = (one.cents_per_minute * one.rate / earns).to_integral_value(ROUND_CEILING)
            remedy = f"it loses money: a rate of {rate} would do, or set costs.allow_loss = true"
        elif losing:
            remedy, well = "a package earns nothing at all: see its own line", False
        elif lacks:
            remedy = f"not all of its engines are there: {', and '.join(lacks)}"
        yield Finding(f"recordings {one.name}", well, detail, remedy)


def _earned(package: Package, costs: Costs, model: Offered) -> Decimal:
    """Cents for a minute of sound, without what the payment cost."""
    kept = package.price_cents - costs.fees(package.price_cents)
    return kept * 60 * model.rate / (package.seconds * 1000)
