"""How the engines for streams stand, for all streams of this process; others are told by who syncs.

A stream must not wait for a database to learn it, so what is known is here, and what is new waits
here to be written (`relayd.daemon.standings`).
"""

import datetime as dt
from collections.abc import Mapping, Sequence

import attrs
import trio

from relayd import logs
from relayd.errors import UpstreamError
from relayd.speech.fallback import EngineStanding, NobodyUntil, Take, choose, standing_after

__all__ = ["Standings"]

log = logs.get(__name__)


@attrs.define(eq=False)
class Standings:
    """Who is to be left alone, and until when."""

    # Learnt here, and not written down yet.
    unsaved: dict[str, EngineStanding] = attrs.field(factory=dict)
    # Set when there is something to be written.
    news: trio.Event = attrs.field(factory=trio.Event)
    _known: dict[str, EngineStanding] = attrs.field(factory=dict)

    def learn(self, known: Mapping[str, EngineStanding]) -> None:
        """Take what everybody knows for true, and what isn't written yet."""
        self._known = {**known, **self.unsaved}

    def choose(self, engines: Sequence[str]) -> Take | NobodyUntil:
        """Return the first of these that nothing is held against."""
        return choose(engines, self._known, dt.datetime.now(dt.UTC))

    def weigh(self, engine: str, error: UpstreamError) -> None:
        """Leave an engine alone, where that is what its failure comes to."""
        standing = standing_after(error, dt.datetime.now(dt.UTC))
        if standing is None:
            return
        # One that refuses us altogether is for a person to look at.
        tell = log.error if standing.off else log.warning
        tell("engine left alone", engine=engine, streams=True, problem=standing.reason)
        self._known[engine] = self.unsaved[engine] = standing
        self.news.set()
