"""From runs to the table in the documentation."""

from pathlib import Path
from typing import Any

import attrs
import pytest

from bench.measure import BARE, OURS, Run
from bench.table import document, render

RUN = Run(
    relay=OURS,
    sessions=200,
    live=200,
    frames_due=20_000,
    frames_sent=20_000,
    frames_relayed=20_000,
    frames_late=0,
    lateness_p99_ms=1.0,
    audio_p50_ms=0.5,
    audio_p99_ms=2.0,
    words=8000,
    words_p50_ms=0.5,
    words_p99_ms=2.0,
    relay_cpu=0.2,
    relay_us_per_frame=100.0,
    idle_rss_kib=60_000,
    idle_pss_kib=40_000,
    live_rss_kib=80_000,
    live_pss_kib=60_000,
    postgres_cpu=0.01,
    load_cpu=0.1,
    engine_cpu=0.1,
    failures=(),
)


def test_the_ratio_and_the_slope_are_stated() -> None:
    """CPU per frame of both relays at each size; memory between the two largest sizes."""
    runs = [
        RUN,
        attrs.evolve(RUN, relay=BARE, relay_us_per_frame=250.0),
        attrs.evolve(RUN, sessions=400, live=400, live_pss_kib=80_000),
    ]
    text = render(runs)
    assert "at 200 sessions, relayd / bare: 0.40 (100 of 250 µs)" in text
    assert "from 200 to 400, relayd: 100 KiB" in text
    assert "NOT SOUND" not in text


@pytest.mark.parametrize(
    "change",
    [
        {"frames_late": 1000},
        {"frames_sent": 15_000},
        {"live": 199},
        {"failures": ("the relay hung up",)},
    ],
)
def test_a_run_that_measured_something_else_is_marked(change: dict[str, Any]) -> None:
    """A generator that lags, or sessions that fell away."""
    spoilt = attrs.evolve(RUN, **change)
    assert not spoilt.sound
    assert "NOT SOUND" in render([spoilt])


def test_repeated_runs_count_by_their_median() -> None:
    """One disturbed run does not decide."""
    runs = [attrs.evolve(RUN, relay_us_per_frame=us) for us in (100.0, 110.0, 900.0)]
    assert "| 110 " in render(runs)


def test_the_table_replaces_the_one_before(tmp_path: Path) -> None:
    """What stands around the markers stays."""
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- bench: begin -->\nold\n<!-- bench: end -->\nafter\n")
    document(page, "new")
    assert page.read_text() == (
        "before\n<!-- bench: begin -->\n\nnew\n\n<!-- bench: end -->\nafter\n"
    )
    page.write_text("no markers")
    with pytest.raises(ValueError, match="markers"):
        document(page, "new")
