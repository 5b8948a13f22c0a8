"""Which engine takes a recording or a stream, and what a failure means for it and for the others.

Pure. How an engine stands is one fact for everybody: who keeps `EngineStanding`s, keeps them where
everybody sees them.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from relayd.errors import (
    EngineBusy,
    EngineFailed,
    EngineOff,
    FileEngineError,
    Unreadable,
    UpstreamBusy,
    UpstreamError,
    UpstreamOff,
)

__all__ = [
    "PAUSE_SECONDS",
    "Consequence",
    "EngineStanding",
    "NobodyUntil",
    "Take",
    "choose",
    "standing_after",
    "weigh",
]

# Where an engine wants to be left alone and doesn't say for how long.
PAUSE_SECONDS: Final = 30

# A server may ask for any pause in `Retry-After`; less would be a hammer, more an outage of ours.
PAUSE_SECONDS_MIN: Final = 1
PAUSE_SECONDS_MAX: Final = 900
# An engine that was switched off is tried again after so long: the operator may have paid the
# bill. Each trial that fails costs a request, and tells him again.
OFF_SECONDS: Final = 900


@attrs.frozen
class EngineStanding:
    """An engine that is to be left alone until then, and why.

    ``off``: a person must look, a pause alone won't mend it.
    """

    until: dt.datetime
    reason: str
    off: bool = False


@attrs.frozen
class Take:
    """The engine of this name takes it."""

    engine: str


@attrs.frozen
class NobodyUntil:
    """No engine takes it before then. ``off``: all of them wait for a person."""

    until: dt.datetime
    off: bool


@attrs.frozen
class Consequence:
    """What a failure comes to.

    ``counts``: it was one of the job's attempts. ``final``: another attempt would fail alike.
    ``standing``: what everybody is to know of the engine from now on.
    """

    counts: bool
    final: bool = False
    standing: EngineStanding | None = None


def choose(
    engines: Sequence[str], standings: Mapping[str, EngineStanding], now: dt.datetime
) -> Take | NobodyUntil:
    """Return the first engine of the list that nothing is held against. The list is not empty."""
    held = [standings[one] for one in engines if one in standings and standings[one].until > now]
    if len(held) < len(engines):
        free = (one for one in engines if one not in standings or standings[one].until <= now)
        return Take(next(free))
    return NobodyUntil(min(one.until for one in held), all(one.off for one in held))


def standing_after(
    error: FileEngineError | UpstreamError, now: dt.datetime
) -> EngineStanding | None:
    """What everybody is to know of an engine that failed so; None for nothing."""
    match error:
        case EngineBusy() | UpstreamBusy():
            pause = min(max(error.retry_seconds, PAUSE_SECONDS_MIN), PAUSE_SECONDS_MAX)
            return EngineStanding(now + dt.timedelta(seconds=pause), error.hint)
        case EngineOff() | UpstreamOff():
            return EngineStanding(now + dt.timedelta(seconds=OFF_SECONDS), error.hint, off=True)
        case _:
            return None


def weigh(error: FileEngineError | Unreadable, now: dt.datetime) -> Consequence:
    """Say what an engine's failure comes to, for the job and for the engine."""
    match error:
        case EngineBusy() | EngineOff():
            return Consequence(counts=False, standing=standing_after(error, now))
        case Unreadable():
            return Consequence(counts=True, final=True)
        case EngineFailed() | FileEngineError():
            return Consequence(counts=True)
