"""``python -m bench.faults NAME …``: exit code 1 when a figure is not met, or a driver fails.

``all`` takes some half an hour on two cores, ``--quick all`` some ten minutes.
"""

import argparse
import importlib
import sys
import time
import traceback
from collections.abc import Sequence
from typing import Final

import attrs
import trio

from bench.faults.verdict import Verdict, heading

__all__ = ["NAMES", "main"]

# Every driver there is, in the order in which ``all`` runs them.
NAMES: Final = (
    "promises",
    "crowd",
    "flood",
    "hellos",
    "hostile",
    "mutated",
    "guessing",
    "logins",
    "enumeration",
    "media",
    "uploading",
    "exhaustion",
    "overspend",
    "gone",
    "unplugged",
    "drain",
    "replaced",
    "unread",
    "partner",
    "kill",
    "cuts",
    "outage",
    "failover",
    "workers",
    "away",
)


@attrs.frozen
class Ran:
    """A driver that ran."""

    verdict: Verdict
    seconds: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the named drivers, or all of them, one after the other."""
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__)
    parser.add_argument("names", nargs="+", choices=[*NAMES, "all"], metavar="NAME")
    parser.add_argument(
        "--quick", action="store_true", help="fewer of everything: to see that it works"
    )
    asked = parser.parse_args(arguments)
    sys.stdout.write(heading())
    ran = [_ran(one, asked.quick) for one in (NAMES if "all" in asked.names else asked.names)]
    _summarise(ran)
    return 1 if any(one.verdict.unmet for one in ran) else 0


def _ran(name: str, quick: bool) -> Ran:
    verdict, begun = Verdict(name, quick), time.monotonic()
    try:
        trio.run(importlib.import_module(f"bench.faults.{name}").run, verdict)
    except Exception as fault:  # noqa: BLE001 - the others run all the same
        traceback.print_exc()
        verdict.failed(fault)
    return Ran(verdict, time.monotonic() - begun)


def _summarise(ran: Sequence[Ran]) -> None:
    line = "{:12} {:>8} {:>8} {:>8}\n"
    told = [line.format("driver", "seconds", "figures", "missed")]
    told += [
        line.format(one.verdict.name, round(one.seconds), one.verdict.figures, one.verdict.unmet)
        for one in ran
    ]
    figures = sum(one.verdict.figures for one in ran)
    missed = sum(one.verdict.unmet for one in ran)
    told.append(line.format("in all", round(sum(one.seconds for one in ran)), figures, missed))
    sys.stdout.write("\n" + "".join(told))


if __name__ == "__main__":
    sys.exit(main())
