"""So many in any while, per key: exact sliding windows.

Pure: the caller brings the time. A token bucket would let through almost twice the limit in its
first minute; keeping the times of the last few admissions costs little, because the limits are
small and the keys are bounded.
"""

from collections import OrderedDict, deque
from collections.abc import Sequence

import attrs

from relayd.quotas.limits import Rate

__all__ = ["Windows"]

# Times of admission, oldest first; no more than the limit.
Times = deque[float]


@attrs.define(eq=False)
class Windows:
    """The windows of every key that was admitted lately.

    ``tracked_max`` keys of some 0.7 KiB each (with 32 bytes for each admission) are remembered, 14
    MiB at most, of each length of window: the many that a second brings crowd out none of those
    that last a minute. Beyond that the one that was quiet longest is forgotten: who commands more
    addresses than this within a minute has as many times the limit anyway.
    """

    tracked_max: int = 20_000
    # By length in seconds. In the order of each key's last admission, so that what has run out
    # stands first.
    _windows: dict[float, OrderedDict[str, Times]] = attrs.field(factory=dict, init=False)

    def __len__(self) -> int:
        return sum(map(len, self._windows.values()))

    def admit(self, rates: Sequence[Rate], now: float) -> float:
        """Seconds to wait, 0.0 meaning admitted under all of them; a refused one counts nowhere."""
        self._forget(now)
        wait = max((self._wait(rate, now) for rate in rates), default=0.0)
        if wait > 0:
            return wait
        for rate in rates:
            self._count(rate, now)
        return 0.0

    def _wait(self, rate: Rate, now: float) -> float:
        times = self._windows.get(rate.seconds, OrderedDict[str, Times]()).get(rate.key)
        if times is None or len(times) < rate.most:
            return 0.0
        # The limit may have been lowered by a reload: what counts is the admission that has to
        # leave the window before the next may come.
        return max(times[len(times) - rate.most] + rate.seconds - now, 0.0)

    def _count(self, rate: Rate, now: float) -> None:
        windows = self._windows.setdefault(rate.seconds, OrderedDict())
        times = windows.setdefault(rate.key, deque())
        times.append(now)
        while len(times) > rate.most:
            times.popleft()
        windows.move_to_end(rate.key)
        if len(windows) > self.tracked_max:
            windows.popitem(last=False)
        assert len(windows) <= self.tracked_max

    def _forget(self, now: float) -> None:
        """Let go of what has run out, from the quietest on."""
        for seconds, windows in self._windows.items():
            while windows:
                key, times = next(iter(windows.items()))
                if times[-1] > now - seconds:
                    break
                del windows[key]
