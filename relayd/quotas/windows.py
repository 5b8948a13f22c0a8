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


@attrs.define
class _Window:
    seconds: float
    # Times of admission, oldest first; no more than the limit.
    times: deque[float] = attrs.field(factory=deque)


@attrs.define(eq=False)
class Windows:
    """The windows of every key that was admitted lately.

    ``tracked_max`` keys of some 0.7 KiB each are remembered, 14 MiB at most. Beyond that the
    one that was quiet longest is forgotten: who commands more addresses than this within a
    minute has as many times the limit anyway.
    """

    tracked_max: int = 20_000
    # In the order of each key's last admission, so that what has run out stands first.
    _windows: OrderedDict[str, _Window] = attrs.field(factory=OrderedDict, init=False)

    def __len__(self) -> int:
        return len(self._windows)

    def admit(self, rates: Sequence[Rate], now: float) -> float:
        """Seconds to wait, 0.0 meaning admitted under all of them; a refused one counts nowhere."""
        self._forget(now)
        wait = max((self._wait(rate, now) for rate in rates), default=0.0)
        if wait > 0:
            return wait
        for rate in rates:
            self._count(rate, now)
        assert len(self._windows) <= self.tracked_max
        return 0.0

    def _wait(self, rate: Rate, now: float) -> float:
        window = self._windows.get(rate.key)
        if window is None or len(window.times) < rate.most:
            return 0.0
        # The limit may have been lowered by a reload: what counts is the admission that has to
        # leave the window before the next may come.
        return max(window.times[len(window.times) - rate.most] + rate.seconds - now, 0.0)

    def _count(self, rate: Rate, now: float) -> None:
        window = self._windows.setdefault(rate.key, _Window(rate.seconds))
        window.seconds = rate.seconds
        window.times.append(now)
        while len(window.times) > rate.most:
            window.times.popleft()
        self._windows.move_to_end(rate.key)
        if len(self._windows) > self.tracked_max:
            self._windows.popitem(last=False)

    def _forget(self, now: float) -> None:
        """Let go of what has run out, from the quietest on.

        Windows of different lengths stand in one queue: a long one in front keeps the rest for
        a while longer, never beyond `tracked_max`.
        """
        while self._windows:
            key, window = next(iter(self._windows.items()))
            if window.times[-1] > now - window.seconds:
                return
            del self._windows[key]
