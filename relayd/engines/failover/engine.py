"""An engine made of several: a stream has the first that can, and others where that one fails."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import attrs
import trio

from relayd.engines.failover.standings import Standings
from relayd.engines.failover.stream import FailoverStream
from relayd.engines.failover.turns import Turns
from relayd.speech.engine import Engine
from relayd.speech.fallback import Take
from relayd.speech.plan import ConfigRefusal, StreamPlan

__all__ = ["Failover"]


@attrs.define(eq=False)
class Failover:
    """Implements `relayd.speech.engine.Engine`; ``engines`` in the operator's order, by name."""

    engines: Mapping[str, Engine]
    standings: Standings = attrs.field(factory=Standings)

    @property
    def name(self) -> str:
        """That of the first; whose a stream is, its plan says."""
        return next(iter(self.engines))

    def plan(self, config: Mapping[str, Any]) -> StreamPlan | ConfigRefusal:
        """The plan of the first engine that can do it and is not to be left alone.

        The others' plans stand in it. Where none can, the first one's reason counts.
        """
        found = [engine.plan(config) for engine in self.engines.values()]
        able = tuple(one for one in found if isinstance(one, StreamPlan))
        if not able:
            return found[0]
        return attrs.evolve(self._first_of(able), turns=able)

    def _first_of(self, plans: Sequence[StreamPlan]) -> StreamPlan:
        choice = self.standings.choose([one.engine for one in plans])
        if isinstance(choice, Take):
            return next(one for one in plans if one.engine == choice.engine)
        return plans[0]

    @asynccontextmanager
    async def open(self, plan: StreamPlan) -> AsyncIterator[FailoverStream]:
        """Open a stream with the first that takes it. Raises the `UpstreamError` of the last one.

        What no engine could go on with later ends the body, and is raised here.
        """
        stream = FailoverStream(self.engines, Turns(plan.turns or (plan,), self.standings), plan)
        async with trio.open_nursery() as nursery:
            await nursery.start(stream.run)
            yield stream
            nursery.cancel_scope.cancel(reason="the stream is over")
