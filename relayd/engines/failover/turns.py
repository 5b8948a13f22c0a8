"""Whose turn it is: which engine opens a stream, and which goes on where one fails.

Each is tried once between two lasting results, or twice where its connection broke, so that audio
which breaks every engine ends the stream and doesn't go round for ever.
"""

import datetime as dt
import math
from collections import Counter
from typing import Final

import attrs

from relayd.engines.failover.standings import Standings
from relayd.errors import UpstreamClosed, UpstreamError, UpstreamRejected, UpstreamUnavailable
from relayd.speech.fallback import NobodyUntil, Take
from relayd.speech.plan import StreamPlan

__all__ = ["Turns"]

TRIES: Final = 2


@attrs.define(eq=False)
class Turns:
    """The plans of the engines that can do it, in the operator's order; at least one."""

    plans: tuple[StreamPlan, ...]
    standings: Standings
    # Since the last lasting result.
    _tries: Counter[str] = attrs.field(factory=Counter)

    def first(self) -> StreamPlan:
        """Who opens the stream. Raises UpstreamUnavailable where all are to be left alone."""
        choice = self.standings.choose([one.engine for one in self.plans])
        if isinstance(choice, NobodyUntil):
            raise _nobody(choice)
        return self._take(choice)

    def after(self, failed: StreamPlan, error: UpstreamError) -> StreamPlan:
        """Who goes on after this failure; raises it again where nobody is left.

        A connection that broke may be opened again. What an engine refuses of the app's own
        configuration or audio is for the app to hear.
        """
        if isinstance(error, UpstreamRejected):
            raise error
        self.standings.weigh(failed.engine, error)
        untried = [one.engine for one in self.plans if not self._tries[one.engine]]
        if isinstance(error, UpstreamClosed) and self._tries[failed.engine] < TRIES:
            untried.insert(0, failed.engine)
        choice = self.standings.choose(untried) if untried else None
        if not isinstance(choice, Take):
            raise error
        return self._take(choice)

    def well(self, plan: StreamPlan) -> None:
        """A lasting result came of this one: whatever failed before is past."""
        self._tries = Counter((plan.engine,))

    def _take(self, choice: Take) -> StreamPlan:
        self._tries[choice.engine] += 1
        return next(one for one in self.plans if one.engine == choice.engine)


def _nobody(until: NobodyUntil) -> UpstreamUnavailable:
    seconds = max((until.until - dt.datetime.now(dt.UTC)).total_seconds(), 1)
    return UpstreamUnavailable(
        f"The speech engine is not available. Try again in {math.ceil(seconds)} s.",
        "every engine of engine.engines is left alone: see the lines `engine left alone`",
    )
