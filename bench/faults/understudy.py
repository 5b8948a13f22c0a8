"""``python -m bench.faults.understudy URL serve …``: relayd, its second engine elsewhere.

All of it is relayd's own but where the second engine is: a stand-in under this URL is spoken to as
to Deepgram, so that a driver can count what it hears, and tens of streams need no core each.
"""

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

import attrs

from relayd import config
from relayd.cli import main
from relayd.engines import selection
from relayd.engines.deepgram.engine import Deepgram
from relayd.quotas.limits import Quotas
from relayd.speech.engine import Engine, Upstream
from relayd.speech.plan import ConfigRefusal, StreamPlan
from relayd.websocket.pump import Pump

__all__ = ["NAME"]

# One of the names that `engine.engines` may hold.
NAME: Final = "moonshine"


@attrs.frozen
class Understudy:
    """Implements `relayd.speech.engine.Engine`: a Deepgram by this name."""

    deepgram: Deepgram
    name: str = NAME

    def plan(self, config: Mapping[str, Any]) -> StreamPlan | ConfigRefusal:
        """Deepgram's plan, as this one's."""
        plan = self.deepgram.plan(config)
        return plan if isinstance(plan, ConfigRefusal) else attrs.evolve(plan, engine=self.name)

    def open(self, plan: StreamPlan) -> AbstractAsyncContextManager[Upstream]:
        """A stream of Deepgram's."""
        return self.deepgram.open(plan)


def _cast(url: str) -> None:
    """Have the engine of this name be the one at this URL."""
    real = selection.open_engine

    @asynccontextmanager
    async def open_engine(
        name: str, engines: config.Engines, pump: Pump, quotas: Quotas | None = None
    ) -> AsyncIterator[Engine]:
        if name == NAME:
            yield Understudy(Deepgram(attrs.evolve(engines.deepgram, url=url), pump))
            return
        async with real(name, engines, pump, quotas) as engine:
            yield engine

    selection.open_engine = open_engine


if __name__ == "__main__":
    _cast(sys.argv[1])
    sys.exit(main(sys.argv[2:]))
