"""So many requests in any minute, per address: an exact sliding window.

Pure: the caller brings the time. A token bucket would let through almost twice the limit in its
first minute; keeping the times of the last few admissions costs little, because the limit is
small and the addresses are bounded.
"""

from collections import OrderedDict, deque

import attrs

__all__ = ["RateLimit"]


@attrs.define(eq=False)
class RateLimit:
    """Admits ``limit`` requests of one address in any ``window_seconds``.

    ``tracked_max`` addresses of some 0.7 KiB each are remembered, 7 MiB at most. Beyond that the
    one that was quiet longest is forgotten: who commands more addresses than this within a
    minute has as many times the limit anyway.
    """

    limit: int
    window_seconds: float = 60.0
    tracked_max: int = 10_000
    # In the order of each address's last admission, so that what has run out stands first.
    _admitted: OrderedDict[str, deque[float]] = attrs.field(factory=OrderedDict, init=False)

    def admit(self, address: str, now: float) -> float:
        """Seconds to wait, 0.0 meaning admitted. A refused request does not count."""
        self._forget(now - self.window_seconds)
        times = self._admitted.get(address)
        if times is None:
            times = self._admitted[address] = deque(maxlen=self.limit)
            if len(self._admitted) > self.tracked_max:
                self._admitted.popitem(last=False)
        if len(times) == self.limit:
            wait = times[0] + self.window_seconds - now
            if wait > 0:
                return wait
        # The oldest falls out at the other end.
        times.append(now)
        self._admitted.move_to_end(address)
        assert len(self._admitted) <= self.tracked_max
        return 0.0

    @property
    def tracked(self) -> int:
        """How many addresses are remembered."""
        return len(self._admitted)

    def _forget(self, horizon: float) -> None:
        while self._admitted:
            address, times = next(iter(self._admitted.items()))
            if times[-1] > horizon:
                return
            del self._admitted[address]
