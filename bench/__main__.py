"""``python -m bench``: what relayd costs beside other relays, measured in turn in one run."""

import argparse
import itertools
import json
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import attrs
import trio

from bench import procfs
from bench.cores import Cores, cores
from bench.goals import goals
from bench.measure import measure
from bench.medians import Medians
from bench.relays import DIRECT, RELAYS, versions
from bench.run import Case, Run
from bench.stage import stage
from bench.table import document, render

__all__ = ["main"]

_PAGE: Final = Path(__file__).parent.parent / "docs" / "performance.md"
# What is run unless something else is asked for; sessions and the milliseconds of their frames.
_FULL: Final[dict[str, Any]] = {
    "loads": [(50, 100), (200, 100), (400, 100), (200, 20)],
    "seconds": 10.0,
    "rounds": 3,
}
_QUICK: Final[dict[str, Any]] = {
    "loads": [(200, 100), (400, 100), (200, 20)],
    "seconds": 4.0,
    "rounds": 1,
}
_UPSTREAMS: Final = ("plain", "TLS")


def main() -> None:
    """Measure, print, and write down where asked; exit code 1 when a figure is missed."""
    arguments = _arguments()
    here = cores()
    circumstances = _circumstances(arguments, here)
    # Threads and processes that begin from now on inherit it; relays are moved to their core.
    os.sched_setaffinity(0, here.load)
    runs = trio.run(_measure_all, arguments, here)
    text = render(runs)
    sys.stdout.write(f"\n{text}")
    if arguments.json:
        arguments.json.write_text(json.dumps([attrs.asdict(run) for run in runs], indent=1))
    if arguments.write:
        document(_PAGE, "bench", f"{circumstances}\n\n{text}")
    if not all(goal.met for goal in goals(Medians(runs))):
        raise SystemExit(1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--loads",
        nargs="+",
        type=_load,
        metavar="SESSIONS@MS",
        help=f"sessions and the length of their frames (default: {_written(_FULL['loads'])})",
    )
    parser.add_argument("--upstreams", nargs="+", choices=_UPSTREAMS, default=list(_UPSTREAMS))
    parser.add_argument("--relays", nargs="+", choices=RELAYS, default=list(RELAYS))
    parser.add_argument("--seconds", type=float, help="measured, of each run (default: 10)")
    parser.add_argument("--rounds", type=int, help="how often each run is repeated (default: 3)")
    parser.add_argument(
        "--quick", action="store_true", help="in some minutes: less of it, shorter, once"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    parser.add_argument("--write", action="store_true", help="put the tables into the docs")
    arguments = parser.parse_args()
    for name, value in (_QUICK if arguments.quick else _FULL).items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)
    return arguments


def _load(text: str) -> tuple[int, int]:
    sessions, _, frame_ms = text.partition("@")
    return int(sessions), int(frame_ms)


def _written(loads: Sequence[tuple[int, int]]) -> str:
    return " ".join(f"{sessions}@{frame_ms}" for sessions, frame_ms in loads)


def _cases(arguments: argparse.Namespace) -> Iterator[Case]:
    for (sessions, frame_ms), upstream in itertools.product(arguments.loads, arguments.upstreams):
        yield Case(frame_ms=frame_ms, tls=upstream == "TLS", sessions=sessions)


async def _measure_all(arguments: argparse.Namespace, here: Cores) -> list[Run]:
    runs = []
    async with stage() as shared:
        for case in sorted(_cases(arguments)):
            # In turn, so that a machine that slows down slows all of them.
            for number, name in itertools.product(range(arguments.rounds), arguments.relays):
                # The floor needs no second look, and has no upstream to encrypt.
                if name == DIRECT and (number or case.tls):
                    continue
                runs.append(await measure(shared, here, arguments.seconds, name, case))
                _progress(runs[-1])
    return runs


def _progress(run: Run) -> None:
    sys.stderr.write(
        f"{run.case!s:38} {run.relay:10} {run.relay_us_per_frame:5.0f} µs/frame, "
        f"core {run.relay_cpu:.2f}, audio p99 {run.audio_p99_ms:.1f} ms, words p99 "
        f"{run.words_p99_ms:.1f} ms, load {run.load_cpu:.2f}, engine {run.engine_cpu:.2f}"
        f"{'' if run.sound else '  NOT SOUND'}\n"
    )


def _circumstances(arguments: argparse.Namespace, here: Cores) -> str:
    shared = "the relay alone on one core" if here.apart else "everything on one core"
    return (
        f"`python -m bench --loads {_written(arguments.loads)} --seconds {arguments.seconds:g} "
        f"--rounds {arguments.rounds}` on {procfs.machine()}, {shared}. "
        f"Python {platform.python_version()}: {versions(arguments.relays)}."
    )


if __name__ == "__main__":
    main()
