"""``python -m bench``: what relayd costs, beside a bare relay, in one run of some minutes."""

import argparse
import json
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Final

import attrs
import trio

from bench import procfs
from bench.books import open_books
from bench.cluster import cluster
from bench.measure import BARE, DIRECT, OURS, Run, Stage, measure
from bench.table import document, render

__all__ = ["main"]

_PAGE: Final = Path(__file__).parent.parent / "docs" / "performance.md"
# Each has up to forty of the sessions: accounts of this size don't queue for their balance row.
_CUSTOMERS: Final = 10
_CREDIT_MS: Final = 100 * 3_600_000


def main() -> None:
    """Measure, print, and write down where asked."""
    arguments = _arguments()
    runs = trio.run(_measure_all, arguments)
    text = render(runs)
    sys.stdout.write(f"\n{text}")
    if arguments.json:
        arguments.json.write_text(json.dumps([attrs.asdict(run) for run in runs], indent=1))
    if arguments.write:
        document(_PAGE, f"{_circumstances(arguments)}\n\n{text}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--sessions", type=int, nargs="+", default=[50, 200, 400], metavar="N")
    parser.add_argument("--seconds", type=float, default=10.0, help="measured, of each run")
    parser.add_argument("--rounds", type=int, default=2, help="how often each run is repeated")
    parser.add_argument(
        "--relays", nargs="+", choices=[OURS, BARE, DIRECT], default=[OURS, BARE, DIRECT]
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    parser.add_argument("--write", action="store_true", help="put the table into the docs")
    return parser.parse_args()


async def _measure_all(arguments: argparse.Namespace) -> list[Run]:
    async with cluster() as server, open_books(await server.create("relayd")) as books:
        customers = [await books.customer(_CREDIT_MS) for _ in range(_CUSTOMERS)]
        tokens = tuple(customer.token for customer in customers)
        stage = Stage(server, books, tokens, arguments.seconds)
        runs = []
        for sessions in arguments.sessions:
            # In turn, so that a machine that slows down slows both.
            for number in range(arguments.rounds):
                for relay in arguments.relays:
                    # The floor needs no second look.
                    if relay == DIRECT and number:
                        continue
                    runs.append(await measure(stage, relay, sessions))
                    _progress(runs[-1])
        findings = await books.audit()
        if findings:
            raise SystemExit(f"the books do not balance: {findings}")
        return runs


def _progress(run: Run) -> None:
    sys.stderr.write(
        f"{run.sessions:4} {run.relay:7} {run.relay_us_per_frame:7.0f} µs/frame, "
        f"core {run.relay_cpu:.2f}, audio p99 {run.audio_p99_ms:.1f} ms, words p99 "
        f"{run.words_p99_ms:.1f} ms{'' if run.sound else '  NOT SOUND'}\n"
    )


def _circumstances(arguments: argparse.Namespace) -> str:
    libraries = ", ".join(f"{name} {version(name)}" for name in ("trio", "hypercorn"))
    return (
        f"`python -m bench --sessions {' '.join(map(str, arguments.sessions))} "
        f"--seconds {arguments.seconds:g} --rounds {arguments.rounds}` on {procfs.machine()}, "
        f"Python {platform.python_version()}, {libraries}."
    )


if __name__ == "__main__":
    main()
