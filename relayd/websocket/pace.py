"""How long the pump naps between two turns: as long as delays stay within a bound.

Waking costs as much as the work of some sockets, because the processor's caches are cold by then.
So where several sockets become ready within the bound, all of them are worked off after one nap;
what has come at its very beginning then waits for the nap, and for the turn that follows it.
"""

from typing import Final

__all__ = ["Pace"]

# A nap and the turn after it together: the longest wait of whatever comes, half of it on average.
DELAY_SECONDS: Final = 0.0038
# Where turns are long, because many sockets are ready or the machine is slow.
NAP_SECONDS_LEAST: Final = 0.0019
# Fewer sockets within the bound are not worth a nap.
NAP_SOCKETS: Final = 1.5
# How often that is judged; and by how much a nap must be wrong for the timer to be set anew.
JUDGED_SECONDS: Final = 0.02
WRONG_BY: Final = 0.1


class Pace:
    """Judges from what the last turns did, and how long they took, by the clock of ``now``."""

    __slots__ = ("_judged_at", "_sockets", "_turn_seconds", "_turns", "nap_seconds")

    def __init__(self, now: float) -> None:
        # 0: no nap, a turn for each socket that becomes ready.
        self.nap_seconds = 0.0
        self._judged_at = now
        self._sockets = 0
        self._turns = 0
        self._turn_seconds = 0.0

    def count(self, sockets: int, began: float, now: float) -> bool:
        """Count a turn, which has just ended; whether the next nap is to be another one."""
        self._sockets += sockets
        self._turns += 1
        self._turn_seconds += now - began
        seconds = now - self._judged_at
        if seconds < JUDGED_SECONDS:
            return False
        before = self.nap_seconds
        if self._sockets * DELAY_SECONDS < NAP_SOCKETS * seconds:
            self.nap_seconds = 0.0
        else:
            nap = max(DELAY_SECONDS - self._turn_seconds / self._turns, NAP_SECONDS_LEAST)
            if abs(nap - before) > before * WRONG_BY:
                self.nap_seconds = nap
        self._judged_at = now
        self._sockets = self._turns = 0
        self._turn_seconds = 0.0
        return self.nap_seconds != before
