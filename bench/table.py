"""Runs → tables to read, and their place in docs/performance.md."""

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from bench.goals import Goal, goals
from bench.medians import Medians
from bench.relays import DIRECT, OURS
from bench.run import Case, Run, percent

__all__ = ["document", "markdown", "render"]

_FIGURES: Final = (
    "load and upstream",
    "relay",
    "CPU µs per frame",
    "relayd / it",
    "of a core (+ PostgreSQL)",
    "audio p50 / p99 ms",
    "words p50 / p99 ms",
    "frames relayed",
    "results delivered",
)
_MEMORY: Final = ("upstream", "relay", "KiB per extra session", "from", "to")
_GOALS: Final = ("figure", "must be", "is", "")


def render(runs: Sequence[Run]) -> str:
    """The tables in Markdown, and whatever spoils a run.

    Of repeated runs the median counts, of losses the worst one.
    """
    medians = Medians(runs)
    figures = [
        _figures(medians, case, relay) for case in medians.cases for relay in medians.relays(case)
    ]
    tables = [
        [_GOALS, *map(_goal, goals(medians))],
        [_FIGURES, *figures],
        [_MEMORY, *_memory(medians)],
    ]
    # A part of the runs may have nothing to say about goals or memory.
    return "\n".join([*(markdown(rows) for rows in tables if rows[1:]), *_warnings(runs)])


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table; the first row names the columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines) + "\n"


def document(path: Path, name: str, text: str) -> None:
    """Put it between this page's markers of this name."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    page = path.read_text()
    before, found, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise ValueError(f"{path} lacks the markers {begin} and {end}")
    path.write_text(f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}")


def _goal(goal: Goal) -> tuple[str, ...]:
    return (goal.name, goal.must, goal.seen, "" if goal.met else "missed")


def _figures(medians: Medians, case: Case, relay: str) -> tuple[str, ...]:
    def figure(of: Callable[[Run], float]) -> float:
        return medians.of(case, relay, of) or 0.0

    ratio = None if relay in {OURS, DIRECT} else medians.ratio(case, OURS, relay)
    return (
        str(case),
        relay,
        "-" if relay == DIRECT else f"{figure(lambda run: run.relay_us_per_frame):.0f}",
        f"{ratio:.2f}" if ratio else "-",
        _share(figure(lambda run: run.relay_cpu), figure(lambda run: run.postgres_cpu), relay),
        f"{figure(lambda run: run.audio_p50_ms):.2f} / {figure(lambda run: run.audio_p99_ms):.2f}",
        f"{figure(lambda run: run.words_p50_ms):.2f} / {figure(lambda run: run.words_p99_ms):.2f}",
        percent(medians.least(case, relay, lambda run: run.relayed_share) or 0.0),
        percent(medians.least(case, relay, lambda run: run.delivered_share) or 0.0),
    )


def _share(cpu: float, postgres: float, relay: str) -> str:
    """Of a core; what the database costs beside relayd is told apart."""
    if relay == DIRECT:
        return "-"
    return f"{cpu:.2f} + {postgres:.2f}" if relay == OURS else f"{cpu:.2f}"


def _memory(medians: Medians) -> list[tuple[str, ...]]:
    """What one more session takes between the two largest loads of each kind."""
    kinds = itertools.groupby(medians.cases, key=lambda case: (case.frame_ms, case.tls))
    rows: list[tuple[str, ...]] = []
    for _, cases in kinds:
        for few, many in list(itertools.pairwise(cases))[-1:]:
            for relay in medians.relays(many):
                kib = medians.session_kib(few, many, relay)
                if kib is not None and relay != DIRECT:
                    sizes = (str(few.sessions), str(many.sessions))
                    rows.append((many.upstream, relay, f"{kib:.0f}", *sizes))
    return rows


def _warnings(runs: Sequence[Run]) -> list[str]:
    return [
        f"NOT SOUND: {run.relay}, {run.case}: {run.live} live, {run.frames_measured} of "
        f"{run.frames_due} frames sent, {run.frames_late} of them late "
        f"(p99 {run.lateness_p99_ms:.0f} ms), others used {run.others_cpu:.2f} of the relay's core "
        f"{'; '.join(run.failures)[:300]}  "
        for run in runs
        if not run.sound
    ]
