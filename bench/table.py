"""Runs → tables to read, and their place in docs/performance.md."""

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Final

import attrs

from bench.relays import DIRECT, OURS
from bench.run import Case, Run

__all__ = ["document", "markdown", "render"]

_FIGURES: Final = (
    "load and upstream",
    "relay",
    "CPU µs per frame",
    "relayd / it",
    "share of a core",
    "audio p50 / p99 ms",
    "words p50 / p99 ms",
    "frames relayed",
    "results delivered",
)
_MEMORY: Final = ("upstream", "relay", "KiB per extra session", "from", "to")


@attrs.frozen
class _Medians:
    """Figures of repeated runs."""

    runs: Sequence[Run]

    def of(self, case: Case, relay: str, figure: Callable[[Run], float]) -> float | None:
        """The median of a figure; None where nothing was run."""
        found = [figure(run) for run in self.runs if (run.case, run.relay) == (case, relay)]
        return median(found) if found else None

    def least(self, case: Case, relay: str, figure: Callable[[Run], float]) -> float:
        """The worst of a figure that no run may miss."""
        return min(figure(run) for run in self.runs if (run.case, run.relay) == (case, relay))

    def relays(self, case: Case) -> list[str]:
        """Those that carried this case, in the order of their runs."""
        return list(dict.fromkeys(run.relay for run in self.runs if run.case == case))


def render(runs: Sequence[Run]) -> str:
    """The tables in Markdown, and whatever spoils a run.

    Of repeated runs the median counts, of losses the worst one.
    """
    medians = _Medians(runs)
    cases = sorted({run.case for run in runs})
    figures = [_figures(medians, case, relay) for case in cases for relay in medians.relays(case)]
    parts = [markdown([_FIGURES, *figures])]
    memory = _memory(medians, cases)
    if memory:
        parts.append(markdown([_MEMORY, *memory]))
    parts += _warnings(runs)
    return "\n".join(parts)


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


def _figures(medians: _Medians, case: Case, relay: str) -> tuple[str, ...]:
    def figure(of: Callable[[Run], float]) -> float:
        return medians.of(case, relay, of) or 0.0

    cpu = figure(lambda run: run.relay_us_per_frame)
    ours = medians.of(case, OURS, lambda run: run.relay_us_per_frame)
    beside = relay not in {OURS, DIRECT}
    return (
        str(case),
        relay,
        "-" if relay == DIRECT else f"{cpu:.0f}",
        f"{ours / cpu:.2f}" if beside and ours and cpu else "-",
        "-" if relay == DIRECT else f"{figure(lambda run: run.relay_cpu):.2f}",
        f"{figure(lambda run: run.audio_p50_ms):.2f} / {figure(lambda run: run.audio_p99_ms):.2f}",
        f"{figure(lambda run: run.words_p50_ms):.2f} / {figure(lambda run: run.words_p99_ms):.2f}",
        _percent(medians.least(case, relay, lambda run: run.frames_relayed / run.frames_sent)),
        _percent(medians.least(case, relay, lambda run: run.results_delivered / run.results_said)),
    )


def _percent(share: float) -> str:
    """100 % is all of them: what lacks one is rounded down."""
    return "100 %" if share == 1 else f"{int(share * 10_000) / 100:.2f} %"


def _memory(medians: _Medians, cases: Sequence[Case]) -> list[tuple[str, ...]]:
    """What one more session takes between the two largest loads of each kind."""
    rows: list[tuple[str, ...]] = []
    for kind in dict.fromkeys((case.frame_ms, case.tls) for case in cases):
        few, many = [None, *(case for case in cases if (case.frame_ms, case.tls) == kind)][-2:]
        if few is None or many is None:
            continue
        for relay in medians.relays(many):
            low = medians.of(few, relay, lambda run: run.live_pss_kib)
            high = medians.of(many, relay, lambda run: run.live_pss_kib)
            if relay != DIRECT and low is not None and high is not None:
                slope = (high - low) / (many.sessions - few.sessions)
                sizes = (str(few.sessions), str(many.sessions))
                rows.append((many.upstream, relay, f"{slope:.0f}", *sizes))
    return rows


def _warnings(runs: Sequence[Run]) -> list[str]:
    return [
        f"NOT SOUND: {run.relay}, {run.case}: {run.live} live, {run.frames_measured} of "
        f"{run.frames_due} frames sent, {run.frames_late} of them late "
        f"(p99 {run.lateness_p99_ms:.0f} ms) {'; '.join(run.failures)[:300]}  "
        for run in runs
        if not run.sound
    ]
