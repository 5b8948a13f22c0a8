"""Runs as the tests of figures know them."""

import attrs

from bench.relays import OURS
from bench.run import Case, Run

FEW = Case(frame_ms=100, tls=True, sessions=200)
MANY = attrs.evolve(FEW, sessions=400)
RUN = Run(
    case=FEW,
    relay=OURS,
    live=200,
    frames_due=20_000,
    frames_measured=20_000,
    frames_late=0,
    lateness_p99_ms=1.0,
    frames_sent=25_000,
    frames_relayed=25_000,
    results_said=10_000,
    results_delivered=10_000,
    audio_p50_ms=0.5,
    audio_p99_ms=2.0,
    words_p50_ms=0.5,
    words_p99_ms=2.0,
    relay_cpu=0.2,
    relay_us_per_frame=100.0,
    others_cpu=0.05,
    live_pss_kib=60_000,
    postgres_cpu=0.01,
    load_cpu=0.1,
    engine_cpu=0.1,
    failures=(),
)
