"""Which engines heard a session, and what it cost while each of them did."""

from collections.abc import Iterator

import attrs

from relayd.speech.plan import StreamPlan

__all__ = ["Hearer", "Hearers", "Share"]


@attrs.frozen
class Hearer:
    """A model of an engine, and the most that its audio costs: `Tariff.rate`."""

    engine: str
    model: str
    rate: int

    @classmethod
    def of(cls, plan: StreamPlan) -> "Hearer":
        """Whose plan it is."""
        return cls(plan.engine, plan.model, plan.tariff.rate)


@attrs.frozen
class Share:
    """What a session cost, in milliseconds of credit, while this one heard it.

    ``streams``: how many of its streams heard something; all failed, but the last of a session.
    """

    hearer: Hearer
    charged_ms: int
    streams: int
    last: bool


@attrs.define(eq=False)
class Hearers:
    """Those of one session, which was planned with ``planned``."""

    planned: Hearer
    # From which running total of the session's use on each heard it.
    _turns: list[tuple[Hearer, int]] = attrs.field(factory=list)

    def go_on(self, hearer: Hearer, used_ms: int) -> None:
        """From here on it is this one's."""
        self._turns.append((hearer, used_ms))

    def shares(self, used_ms: int) -> tuple[Share, ...]:
        """What each had of the whole, exactly; nothing where all is as it was planned."""
        if [hearer for hearer, _ in self._turns] in ([], [self.planned]):
            return ()
        return tuple(self._shares(used_ms))

    def _shares(self, used_ms: int) -> Iterator[Share]:
        starts = [start for _, start in self._turns]
        parts = [
            (hearer, end - start)
            for (hearer, start), end in zip(self._turns, [*starts[1:], used_ms], strict=True)
        ]
        last = self._turns[-1][0]
        for each in dict.fromkeys(hearer for hearer, _ in parts):
            charged = [ms for hearer, ms in parts if hearer == each]
            yield Share(each, sum(charged), len(charged), last=each == last)
