"""Which engine serves the streams: the one place that knows them all."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from relayd.config import Engines
from relayd.engines.deepgram.engine import Deepgram
from relayd.engines.local.engine import check_local, open_local
from relayd.engines.local.model import LocalModel
from relayd.engines.sphinx import SPHINX
from relayd.quotas.limits import Quotas
from relayd.speech.engine import Engine

__all__ = ["LOCAL", "check_engine", "open_engine"]

# Engines that need no network.
LOCAL: Final[dict[str, LocalModel]] = {one.engine: one for one in (SPHINX,)}


@asynccontextmanager
async def open_engine(
    name: str, engines: Engines, quotas: Quotas | None = None
) -> AsyncIterator[Engine]:
    """Run the engine of this name (see ``Config.default_engine``) while entered.

    Raises MissingExtra where its packages are not installed, ConfigError for its settings.
    """
    if name == "deepgram":
        yield Deepgram(engines.deepgram)
    else:
        async with open_local(LOCAL[name], getattr(engines, name), quotas) as engine:
            yield engine


async def check_engine(name: str, engines: Engines) -> str | None:
    """Try the engine of this name; return what is wrong and what to do, None for nothing."""
    if name == "deepgram":
        return await Deepgram(engines.deepgram).check()
    return await check_local(LOCAL[name], getattr(engines, name))
