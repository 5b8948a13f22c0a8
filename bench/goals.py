"""What the figures must be, and whether they are."""

from collections.abc import Iterator
from typing import Final

import attrs

from bench.medians import Medians
from bench.relays import NODE, OURS, UVLOOP
from bench.run import Case, percent

__all__ = ["Goal", "goals"]

_FRAME_MS: Final = 100
# CPU per frame, divided by the peer's: at most so much at these numbers of sessions.
_RATIOS: Final = (
    (NODE, "TLS", (400,), 0.75),
    (NODE, "plain", (400,), 0.85),
    (UVLOOP, "TLS", (200, 400), 0.6),
    (UVLOOP, "plain", (200, 400), 0.7),
    (UVLOOP, "TLS", (50,), 0.8),
    (UVLOOP, "plain", (50,), 0.8),
)
_DELAY_MS: Final = 5
_DELAYED_SESSIONS: Final = 400
_SESSION_KIB: Final = {"plain": 50, "TLS": 80}
_SESSIONS_BETWEEN: Final = (200, 400)


@attrs.frozen
class Goal:
    """One figure, rounded as it is shown."""

    name: str
    must: str
    seen: str
    met: bool


def goals(medians: Medians) -> list[Goal]:
    """Those that the runs can tell something about."""
    return [*_ratios(medians), *_delays(medians), *_memory(medians), *_losses(medians)]


def _ratios(medians: Medians) -> Iterator[Goal]:
    for peer, upstream, sizes, most in _RATIOS:
        for sessions in sizes:
            ratio = medians.ratio(_case(sessions, upstream), OURS, peer)
            if ratio is not None:
                name = f"CPU per frame at {sessions} sessions, {upstream}: relayd / {peer}"
                yield _at_most(name, ratio, most, 2)


def _delays(medians: Medians) -> Iterator[Goal]:
    for upstream in _SESSION_KIB:
        case = _case(_DELAYED_SESSIONS, upstream)
        delays = {
            "audio": medians.of(case, OURS, lambda run: run.audio_p99_ms),
            "words": medians.of(case, OURS, lambda run: run.words_p99_ms),
        }
        for what, delay in delays.items():
            if delay is not None:
                name = f"{what} delayed at {case.sessions} sessions on one core, {upstream}"
                yield _at_most(f"{name}: p99, ms", delay, _DELAY_MS, 1)


def _memory(medians: Medians) -> Iterator[Goal]:
    few, many = _SESSIONS_BETWEEN
    for upstream, most in _SESSION_KIB.items():
        kib = medians.session_kib(_case(few, upstream), _case(many, upstream), OURS)
        if kib is not None:
            name = f"memory per extra session from {few} to {many}, {upstream}: KiB"
            yield _at_most(name, kib, most)


def _losses(medians: Medians) -> Iterator[Goal]:
    ours = [run for run in medians.runs if run.relay == OURS]
    if ours:
        losses = {
            "frames relayed, in every run": min(run.relayed_share for run in ours),
            "results delivered, in every run": min(run.delivered_share for run in ours),
        }
        for name, worst in losses.items():
            yield Goal(name, "100 %", percent(worst), worst == 1)


def _case(sessions: int, upstream: str) -> Case:
    return Case(frame_ms=_FRAME_MS, tls=upstream == "TLS", sessions=sessions)


def _at_most(name: str, seen: float, most: float, digits: int = 0) -> Goal:
    return Goal(name, f"≤ {most:g}", f"{seen:.{digits}f}", round(seen, digits) <= most)
