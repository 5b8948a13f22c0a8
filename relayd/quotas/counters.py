"""The counting itself, in one process: for itself, or for others that ask it."""

from collections import Counter, deque
from collections.abc import Sequence

import attrs
import trio

from relayd.quotas.limits import Cap, Rate
from relayd.quotas.windows import Windows

__all__ = ["Counters"]


@attrs.define(eq=False)
class Counters:
    """Implements `relayd.quotas.limits.Quotas`; nothing in it waits but `take`."""

    _places: Counter[str] = attrs.field(factory=Counter)
    _windows: Windows = attrs.field(factory=Windows)
    _queues: dict[str, deque[trio.Event]] = attrs.field(factory=dict)

    def count(self, key: str) -> int:
        """How many hold a place under this key."""
        return self._places[key]

    async def enter(self, caps: Sequence[Cap]) -> str | None:
        """See `relayd.quotas.limits.Quotas`."""
        return self.enter_now(caps)

    def enter_now(self, caps: Sequence[Cap]) -> str | None:
        """`enter`, synchronously."""
        full = next((cap.key for cap in caps if self._places[cap.key] >= cap.most), None)
        if full is None:
            self._places.update(cap.key for cap in caps)
        return full

    def leave(self, caps: Sequence[Cap]) -> None:
        """See `relayd.quotas.limits.Quotas`."""
        for cap in caps:
            self._places[cap.key] -= 1
            assert self._places[cap.key] >= 0, f"more left {cap.key} than entered"
            if not self._places[cap.key]:
                del self._places[cap.key]

    async def admit(self, rates: Sequence[Rate]) -> float:
        """See `relayd.quotas.limits.Quotas`."""
        return self.admit_now(rates)

    def admit_now(self, rates: Sequence[Rate]) -> float:
        """`admit`, synchronously."""
        return self._windows.admit(rates, trio.current_time())

    async def take(self, turn: Cap) -> None:
        """See `relayd.quotas.limits.Quotas`."""
        if not self._queues.get(turn.key) and self.enter_now([turn]) is None:
            return
        handed = trio.Event()
        queue = self._queues.setdefault(turn.key, deque())
        queue.append(handed)
        try:
            await handed.wait()
        finally:
            # Trio never cancels a wait that is over: what was handed was taken.
            if not handed.is_set():
                self._withdraw(turn.key, handed)

    def give(self, turn: Cap) -> None:
        """See `relayd.quotas.limits.Quotas`."""
        queue = self._queues.get(turn.key)
        if not queue or self._places[turn.key] > turn.most:
            self.leave([turn])
            return
        # The place goes from hand to hand: nobody who comes meanwhile can take it.
        queue.popleft().set()
        if not queue:
            del self._queues[turn.key]

    def _withdraw(self, key: str, handed: trio.Event) -> None:
        queue = self._queues[key]
        queue.remove(handed)
        if not queue:
            del self._queues[key]
