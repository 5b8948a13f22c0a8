"""Runs → a table to read, and its place in docs/performance.md."""

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Final

from bench.measure import BARE, DIRECT, OURS, Run

__all__ = ["document", "render"]

_BEGIN: Final = "<!-- bench: begin -->"
_END: Final = "<!-- bench: end -->"

_COLUMNS: Final = (
    "sessions",
    "relay",
    "CPU µs per frame",
    "CPU, share of a core",
    "audio p50 / p99 ms",
    "words p50 / p99 ms",
    "KiB per session",
    "PostgreSQL CPU",
    "frames relayed",
)


def render(runs: Sequence[Run]) -> str:
    """The table in Markdown, the ratios and whatever spoils a run. Medians of repeated runs."""
    rows = [_COLUMNS, *(_row(runs, n, relay) for n, relay in _kinds(runs))]
    widths = [max(len(row[at]) for row in rows) for at in range(len(_COLUMNS))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join([*lines, "", *_ratios(runs), *_slopes(runs), *_warnings(runs)]) + "\n"


def document(path: Path, text: str) -> None:
    """Put it between the markers of this page."""
    page = path.read_text()
    before, found, rest = page.partition(_BEGIN)
    _, ended, after = rest.partition(_END)
    if not found or not ended:
        raise ValueError(f"{path} lacks the markers {_BEGIN} and {_END}")
    path.write_text(f"{before}{_BEGIN}\n\n{text.strip()}\n\n{_END}{after}")


def _kinds(runs: Sequence[Run]) -> list[tuple[int, str]]:
    return list(dict.fromkeys((run.sessions, run.relay) for run in runs))


def _middle(
    runs: Sequence[Run], sessions: int, relay: str, figure: Callable[[Run], float]
) -> float | None:
    found = [figure(run) for run in runs if (run.sessions, run.relay) == (sessions, relay)]
    return median(found) if found else None


def _row(runs: Sequence[Run], sessions: int, relay: str) -> tuple[str, ...]:
    def middle(figure: Callable[[Run], float]) -> float:
        return _middle(runs, sessions, relay, figure) or 0.0

    none = relay == DIRECT
    audio = f"{middle(lambda r: r.audio_p50_ms):.2f} / {middle(lambda r: r.audio_p99_ms):.2f}"
    words = f"{middle(lambda r: r.words_p50_ms):.2f} / {middle(lambda r: r.words_p99_ms):.2f}"
    return (
        str(sessions),
        relay,
        "-" if none else f"{middle(lambda r: r.relay_us_per_frame):.0f}",
        "-" if none else f"{middle(lambda r: r.relay_cpu):.2f}",
        audio,
        words,
        "-" if none else f"{middle(_session_kib):.0f}",
        f"{middle(lambda r: r.postgres_cpu):.2f}" if relay == OURS else "-",
        f"{middle(lambda r: 100 * r.frames_relayed / max(r.frames_due, 1)):.0f} %",
    )


def _session_kib(run: Run) -> float:
    return (run.live_pss_kib - run.idle_pss_kib) / max(run.live, 1)


def _ratios(runs: Sequence[Run]) -> list[str]:
    lines = []
    for sessions in dict.fromkeys(run.sessions for run in runs):
        ours = _middle(runs, sessions, OURS, lambda r: r.relay_us_per_frame)
        bare = _middle(runs, sessions, BARE, lambda r: r.relay_us_per_frame)
        if ours and bare:
            ratio = f"{ours / bare:.2f} ({ours:.0f} of {bare:.0f} µs)"
            lines.append(f"CPU per audio frame at {sessions} sessions, relayd / bare: {ratio}  ")
    return lines


def _slopes(runs: Sequence[Run]) -> list[str]:
    """What one more session costs between the two largest runs."""
    sizes = sorted({run.sessions for run in runs})[-2:]
    if len(sizes) < 2:  # noqa: PLR2004 - a slope needs two points
        return []
    few, many = sizes
    lines = []
    for relay in (OURS, BARE):
        low = _middle(runs, few, relay, lambda r: r.live_pss_kib)
        high = _middle(runs, many, relay, lambda r: r.live_pss_kib)
        if low is not None and high is not None:
            slope = (high - low) / (many - few)
            lines.append(
                f"memory per extra session from {few} to {many}, {relay}: {slope:.0f} KiB  "
            )
    return lines


def _warnings(runs: Sequence[Run]) -> list[str]:
    return [
        f"NOT SOUND: {run.relay}, {run.sessions} sessions: {run.live} live, {run.frames_sent} of "
        f"{run.frames_due} frames sent, {run.frames_late} of them late "
        f"(p99 {run.lateness_p99_ms:.0f} ms) {'; '.join(run.failures)[:300]}  "
        for run in runs
        if not run.sound
    ]
