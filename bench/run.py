"""What is run, and what came out: facts without the way to them."""

from typing import Final

import attrs

__all__ = ["Case", "Run", "percent"]

# Of the relay's core. The kernel's own work, for everybody's packets, is a few hundredths.
_OTHERS_MOST: Final = 0.1


@attrs.frozen(order=True)
class Case:
    """What a relay has to carry. Frames of 20 ms are usual in telephony."""

    frame_ms: int
    tls: bool
    sessions: int

    @property
    def upstream(self) -> str:
        """How the engine is spoken to."""
        return "TLS" if self.tls else "plain"

    @property
    def frames_per_second(self) -> float:
        """Of all sessions together."""
        return self.sessions * 1000 / self.frame_ms

    def __str__(self) -> str:
        return f"{self.sessions} sessions, {self.frame_ms} ms frames, {self.upstream}"


@attrs.frozen
class Run:
    """The figures of one run. Memory in KiB, times in milliseconds, CPU as shares of one core.

    Delays, lateness and CPU are those of the measured seconds; the counts of what was sent and
    what arrived are the whole run's, up to a second after the last frame. ``others_cpu`` is what
    anybody else used of the relay's core.
    """

    case: Case
    relay: str
    live: int
    frames_due: int
    frames_measured: int
    frames_late: int
    lateness_p99_ms: float
    frames_sent: int
    frames_relayed: int
    results_said: int
    results_delivered: int
    audio_p50_ms: float
    audio_p99_ms: float
    words_p50_ms: float
    words_p99_ms: float
    relay_cpu: float
    relay_us_per_frame: float
    others_cpu: float
    live_pss_kib: int
    postgres_cpu: float
    load_cpu: float
    engine_cpu: float
    failures: tuple[str, ...]

    @property
    def relayed_share(self) -> float:
        """Of the frames that were sent."""
        return self.frames_relayed / max(self.frames_sent, 1)

    @property
    def delivered_share(self) -> float:
        """Of the results that the engine said."""
        return self.results_delivered / max(self.results_said, 1)

    @property
    def sound(self) -> bool:
        """Whether the load kept its pace and the relay its core: then the relay was measured."""
        return (
            not self.failures
            and self.live == self.case.sessions
            and self.frames_late <= self.frames_measured // 50
            and self.frames_measured >= self.frames_due * 0.98
            and self.others_cpu <= _OTHERS_MOST
        )


def percent(share: float) -> str:
    """A share as it is shown. 100 % is all of them: what lacks one is rounded down."""
    return "100 %" if share == 1 else f"{int(share * 10_000) / 100:.2f} %"
