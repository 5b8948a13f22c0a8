"""From runs to the table in the documentation."""

from pathlib import Path
from typing import Any

import attrs
import pytest

from bench.relays import NODE, OURS
from bench.run import Run
from bench.table import document, render
from tests.bench.runs import MANY, RUN
from tests.bench.tables import cells


def test_the_ratio_and_the_slope_are_stated() -> None:
    """CPU per frame beside each peer's; memory between the two largest loads."""
    runs = [
        RUN,
        attrs.evolve(RUN, relay=NODE, relay_us_per_frame=250.0),
        attrs.evolve(RUN, case=MANY, live=400, live_pss_kib=80_000),
    ]
    assert [row[:4] for row in figures(runs)] == [
        ["200 sessions, 100 ms frames, TLS", OURS, "100", "-"],
        ["200 sessions, 100 ms frames, TLS", NODE, "250", "0.40"],
        ["400 sessions, 100 ms frames, TLS", OURS, "100", "-"],
    ]
    assert cells(render(runs).split("\n\n")[2])[2:] == [["TLS", OURS, "100", "200", "400"]]
    assert "NOT SOUND" not in render(runs)


def figures(runs: list[Run]) -> list[list[str]]:
    """The rows of the table of figures: the first is that of the goals."""
    return cells(render(runs).split("\n\n")[1])[2:]


def test_a_single_lost_frame_is_not_rounded_away() -> None:
    """Only all of them are 100 %."""
    lossy = attrs.evolve(RUN, frames_relayed=24_999, results_delivered=9_000)
    assert figures([lossy])[0][-2:] == ["99.99 %", "90.00 %"]
    assert figures([RUN])[0][-2:] == ["100 %", "100 %"]


@pytest.mark.parametrize(
    "change",
    [
        {"frames_late": 1000},
        {"frames_measured": 15_000},
        {"live": 199},
        {"others_cpu": 0.2},
        {"failures": ("the relay hung up",)},
    ],
)
def test_a_run_that_measured_something_else_is_marked(change: dict[str, Any]) -> None:
    """A generator that lags, sessions that fell away, or others on the relay's core."""
    spoilt = attrs.evolve(RUN, **change)
    assert not spoilt.sound
    assert "NOT SOUND" in render([spoilt])


def test_repeated_runs_count_by_their_median() -> None:
    """One disturbed run does not decide."""
    runs = [attrs.evolve(RUN, relay_us_per_frame=us) for us in (100.0, 110.0, 900.0)]
    assert figures(runs)[0][2] == "110"


def test_of_losses_the_worst_run_counts() -> None:
    """What one run of three lost was lost."""
    runs = [RUN, attrs.evolve(RUN, frames_relayed=20_000), RUN]
    assert figures(runs)[0][-2] == "80.00 %"


def test_the_table_replaces_the_one_before(tmp_path: Path) -> None:
    """What stands around the markers stays."""
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- bench: begin -->\nold\n<!-- bench: end -->\nafter\n")
    document(page, "bench", "new")
    assert page.read_text() == (
        "before\n<!-- bench: begin -->\n\nnew\n\n<!-- bench: end -->\nafter\n"
    )
    page.write_text("no markers")
    with pytest.raises(ValueError, match="markers"):
        document(page, "bench", "new")
