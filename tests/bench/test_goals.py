"""Which goals there are, and when they are met."""

from typing import Any

import attrs
import pytest

from bench.goals import Goal, goals
from bench.medians import Medians
from bench.relays import NODE, OURS, UVLOOP
from bench.run import Run
from tests.bench.runs import FEW, MANY, RUN

# relayd as it must be at least, beside peers that cost 100 µs.
MET = [
    attrs.evolve(RUN, relay_us_per_frame=60.0),
    attrs.evolve(RUN, relay=UVLOOP),
    attrs.evolve(
        RUN,
        case=MANY,
        relay_us_per_frame=60.0,
        audio_p99_ms=5.04,
        words_p99_ms=5.04,
        live_pss_kib=RUN.live_pss_kib + 200 * 80,
    ),
    attrs.evolve(RUN, case=MANY, relay=NODE, relay_us_per_frame=80.0),
    attrs.evolve(RUN, case=MANY, relay=UVLOOP),
]


def missed(runs: list[Run]) -> list[Goal]:
    """The goals that these runs miss."""
    return [goal for goal in goals(Medians(runs)) if not goal.met]


def test_figures_at_their_limits_are_met() -> None:
    """As they are shown, rounded."""
    found = goals(Medians(MET))
    assert {goal.name: goal.seen for goal in found} == {
        "CPU per frame at 400 sessions, TLS: relayd / node-ws": "0.75",
        "CPU per frame at 200 sessions, TLS: relayd / websockets": "0.60",
        "CPU per frame at 400 sessions, TLS: relayd / websockets": "0.60",
        "audio delayed at 400 sessions on one core, TLS: p99, ms": "5.0",
        "words delayed at 400 sessions on one core, TLS: p99, ms": "5.0",
        "memory per extra session from 200 to 400, TLS: KiB": "80",
        "frames relayed, in every run": "100 %",
        "results delivered, in every run": "100 %",
    }
    assert not missed(MET)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"relay_us_per_frame": 65.0}, ["node-ws", "websockets"]),
        ({"audio_p99_ms": 5.1}, ["audio delayed"]),
        ({"words_p99_ms": 5.1}, ["words delayed"]),
        ({"live_pss_kib": RUN.live_pss_kib + 200 * 81}, ["memory"]),
        ({"frames_relayed": RUN.frames_sent - 1}, ["frames relayed"]),
        ({"results_delivered": RUN.results_said - 1}, ["results delivered"]),
    ],
)
def test_what_is_worse_is_missed(change: dict[str, Any], names: list[str]) -> None:
    """Each by itself."""
    worse = [
        attrs.evolve(run, **change) if (run.case, run.relay) == (MANY, OURS) else run for run in MET
    ]
    found = missed(worse)
    assert len(found) == len(names)
    assert all(name in goal.name for name, goal in zip(names, found, strict=True))


def test_what_was_not_run_has_no_goal() -> None:
    """Nothing is said about peers, sizes or upstreams that were left out."""
    names = [goal.name for goal in goals(Medians([RUN]))]
    assert names == ["frames relayed, in every run", "results delivered, in every run"]
    assert not goals(Medians([attrs.evolve(RUN, case=FEW, relay=NODE)]))
