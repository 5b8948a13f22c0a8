"""Figures of repeated runs: medians, and what follows from two of them."""

from collections.abc import Callable, Sequence
from statistics import median

import attrs

from bench.run import Case, Run

__all__ = ["Medians"]


@attrs.frozen
class Medians:
    """Of what was run; None where it was not."""

    runs: Sequence[Run]

    @property
    def cases(self) -> list[Case]:
        """What was carried."""
        return sorted({run.case for run in self.runs})

    def relays(self, case: Case) -> list[str]:
        """Those that carried this case, in the order of their runs."""
        return list(dict.fromkeys(run.relay for run in self.runs if run.case == case))

    def of(self, case: Case, relay: str, figure: Callable[[Run], float]) -> float | None:
        """The median of a figure."""
        found = self._all(case, relay, figure)
        return median(found) if found else None

    def least(self, case: Case, relay: str, figure: Callable[[Run], float]) -> float | None:
        """The worst of a figure that no run may miss."""
        return min(self._all(case, relay, figure), default=None)

    def ratio(self, case: Case, relay: str, beside: str) -> float | None:
        """CPU per frame of a relay, divided by that of another one."""
        own = self.of(case, relay, lambda run: run.relay_us_per_frame)
        other = self.of(case, beside, lambda run: run.relay_us_per_frame)
        return own / other if own and other else None

    def session_kib(self, few: Case, many: Case, relay: str) -> float | None:
        """Memory per extra session between two cases."""
        low = self.of(few, relay, lambda run: run.live_pss_kib)
        high = self.of(many, relay, lambda run: run.live_pss_kib)
        if low is None or high is None:
            return None
        return (high - low) / (many.sessions - few.sessions)

    def _all(self, case: Case, relay: str, figure: Callable[[Run], float]) -> list[float]:
        return [figure(run) for run in self.runs if (run.case, run.relay) == (case, relay)]
