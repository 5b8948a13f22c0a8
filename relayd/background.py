"""What runs beside the sessions for as long as the daemon does: nothing in it may end a stream.

Every such loop is kept by `keep`, the one boundary for whatever goes wrong in it. Where a loop
works on many things, each of them has a guard of its own, so that one that can't be worked on
holds up none of the others.
"""

from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any, Final, Generic, NoReturn, TypeVar

import attrs
import trio

from relayd import logs
from relayd.errors import RelaydError

__all__ = ["Attempt", "Faults", "guarded", "is_outage", "keep"]

log = logs.get(__name__)

K = TypeVar("K")

AGAIN_SECONDS: Final = 1.0
AGAIN_SECONDS_MAX: Final = 60.0
# Of one thing that failed: a person has to mend it, and every attempt leaves a traceback.
ITEM_AGAIN_SECONDS: Final = 10.0
ITEM_AGAIN_SECONDS_MAX: Final = 3600.0


async def keep(
    name: str,
    work: Callable[[], Awaitable[object]],
    *,
    again_seconds: float = AGAIN_SECONDS,
    again_seconds_max: float = AGAIN_SECONDS_MAX,
) -> NoReturn:
    """Do this work again and again until cancelled; it waits for its next time by itself.

    Whatever it raises is logged: a fault of ours with its traceback, an outage in one line, and
    ever more rarely while it lasts. Then it is tried again, after a pause that doubles with each
    further failure.
    """
    failures = 0
    while True:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - the one boundary of all loops
            pause_seconds = min(
                again_seconds * 2 ** min(failures, 20), max(again_seconds, again_seconds_max)
            )
            failures += 1
            _tell(error, failures, work=name, again_seconds=pause_seconds)
            await trio.sleep(pause_seconds)
        else:
            failures = 0
            # For work that never waits.
            await trio.lowlevel.checkpoint()


@attrs.define(eq=False)
class Attempt:
    """Work on one thing; known once it is over."""

    failed: bool = False


@contextmanager
def guarded(event: str, **facts: Any) -> Iterator[Attempt]:
    """Work on one thing of several: a fault is logged as this event and goes no further.

    An outage does: it is everybody's, and trying the next thing would only wait for it once more.
    """
    attempt = Attempt()
    try:
        yield attempt
    except Exception as error:
        if is_outage(error):
            raise
        attempt.failed = True
        log.fault(event, error, **facts)


@attrs.define(eq=False)
class Faults(Generic[K]):
    """The things of a loop that failed by themselves, and when each is to be tried again."""

    # What is logged of one that failed.
    event: str
    # How often it failed, and when it is tried again.
    _failed: dict[K, tuple[int, float]] = attrs.field(factory=dict)

    def __contains__(self, key: object) -> bool:
        return key in self._failed

    def due(self, keys: Collection[K]) -> list[K]:
        """Those of the present things that may be worked on now; what is gone is forgotten."""
        now = trio.current_time()
        present = set(keys)
        self._failed = {key: one for key, one in self._failed.items() if key in present}
        return [key for key in keys if key not in self._failed or self._failed[key][1] <= now]

    @contextmanager
    def guard(self, key: K, **facts: Any) -> Iterator[Attempt]:
        """`guarded` work on one of them; while it goes on failing it is put off ever longer."""
        failures, _ = self._failed.get(key, (0, 0.0))
        pause_seconds = _doubled(ITEM_AGAIN_SECONDS, failures, ITEM_AGAIN_SECONDS_MAX)
        with guarded(self.event, **facts, again_seconds=pause_seconds) as attempt:
            yield attempt
        if attempt.failed:
            self._failed[key] = (failures + 1, trio.current_time() + pause_seconds)
        else:
            self._failed.pop(key, None)


def is_outage(error: BaseException) -> bool:
    """Whether the environment failed, and nothing else: no fault of ours is in it."""
    return all(isinstance(one, RelaydError) for one in _leaves(error))


def _doubled(seconds: float, times: int, most: float) -> float:
    """So long doubled so often; at most the bound, where that is not below it."""
    # Twenty doublings are a factor of a million: no bound is that far off.
    return min(seconds * (1 << min(times, 20)), max(seconds, most))


def _tell(error: Exception, failures: int, **facts: object) -> None:
    if not is_outage(error):
        log.fault("background work failed", error, **facts)
    # The first, second, fourth, eighth … time.
    elif failures & (failures - 1) == 0:
        for one in _leaves(error):
            refused = isinstance(one, RelaydError) and one.refused
            tell = log.error if refused else log.warning
            tell("background work waits", problem=str(one), failures=failures, **facts)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _leaves(one)
    else:
        yield error
