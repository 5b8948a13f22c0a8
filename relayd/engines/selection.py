"""Which engine serves the streams, or which in turns: the one place that knows them all."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import attrs

from relayd.config import Config, Engines, Model
from relayd.engines.deepgram.engine import Deepgram
from relayd.engines.failover.engine import Failover
from relayd.engines.failover.standings import Standings
from relayd.engines.local.engine import check_local, open_local
from relayd.engines.local.model import LocalModel
from relayd.engines.moonshine import MOONSHINE
from relayd.engines.sphinx import SPHINX
from relayd.quotas.limits import Quotas
from relayd.speech.engine import Engine
from relayd.websocket.pump import Pump, open_pump

__all__ = [
    "LOCAL",
    "Choice",
    "best_local",
    "check_engine",
    "choose_engine",
    "local_only",
    "models_for_sale",
    "open_engine",
    "open_engines",
]

# Engines that need no network, the best first.
LOCAL: Final[dict[str, LocalModel]] = {one.engine: one for one in (MOONSHINE, SPHINX)}


@attrs.frozen
class Choice:
    """Engines in their order, and why these, for `relayd check` and the log at start."""

    names: tuple[str, ...]
    reason: str

    def __str__(self) -> str:
        return ", then ".join(self.names)

    @property
    def name(self) -> str:
        """The one that comes first."""
        return self.names[0]


def choose_engine(config: Config) -> Choice:
    """The configured engines, else the best of those that can serve."""
    if config.engine.engines:
        return Choice(config.engine.engines, "engine.engines says so")
    if config.engine.default:
        return Choice((config.engine.default,), f"engine.default is {config.engine.default!r}")
    if config.engines.deepgram.api_key:
        return Choice(("deepgram",), "engines.deepgram.api_key is set")
    local = best_local()
    if local == MOONSHINE.engine:
        return Choice(
            (local,), "engines.deepgram.api_key is not set, and this one runs on the machine"
        )
    return Choice(
        (local,),
        "engines.deepgram.api_key is not set; its words are poor: install relayd with its extra"
        f" `{MOONSHINE.extra}` for better ones",
    )


def models_for_sale(config: Config) -> tuple[Model, ...]:
    """What the engines that serve sell, each model at its rate."""
    names = choose_engine(config).names
    return tuple(model for name in names for model in config.engines.models_of(name))


def local_only(config: Config) -> bool:
    """Whether every engine that serves works on this machine, in processes of its own."""
    return all(name in LOCAL for name in choose_engine(config).names)


def best_local() -> str:
    """The name of the best local engine that is installed; the last one where none is."""
    return next((name for name, model in LOCAL.items() if not model.missing), SPHINX.engine)


@asynccontextmanager
async def open_engine(
    name: str, engines: Engines, pump: Pump, quotas: Quotas | None = None
) -> AsyncIterator[Engine]:
    """Run the engine of this name while entered.

    Its WebSockets are the pump's.

    Raises MissingExtra where its packages are not installed, ConfigError for its settings.
    """
    if name == "deepgram":
        yield Deepgram(engines.deepgram, pump)
    else:
        async with open_local(LOCAL[name], getattr(engines, name), quotas) as engine:
            yield engine


@asynccontextmanager
async def open_engines(
    config: Config, pump: Pump, standings: Standings, quotas: Quotas | None = None
) -> AsyncIterator[Engine]:
    """Run what serves while entered: an engine, or several that take turns.

    Raises as `open_engine` does.
    """
    async with AsyncExitStack() as stack:
        engines = {
            name: await stack.enter_async_context(open_engine(name, config.engines, pump, quotas))
            for name in choose_engine(config).names
        }
        # Whoever has one engine pays for no turns.
        alone = len(engines) == 1
        yield next(iter(engines.values())) if alone else Failover(engines, standings)


async def check_engine(name: str, engines: Engines) -> str | None:
    """Try the engine of this name; return what is wrong and what to do, None for nothing."""
    if name == "deepgram":
        async with open_pump() as pump:
            return await Deepgram(engines.deepgram, pump).check()
    return await check_local(LOCAL[name], getattr(engines, name))
