"""``python -m bench.faults NAME …``: exit code 1 when a figure is not met."""

import argparse
import importlib
import sys
from typing import Final

import trio

from bench.faults.verdict import Verdict

__all__ = ["main"]

_NAMES: Final = (
    "exhaustion",
    "gone",
    "unplugged",
    "drain",
    "overspend",
    "hostile",
    "mutated",
    "logins",
    "enumeration",
    "guessing",
    "kill",
    "partner",
    "replaced",
    "outage",
    "unread",
    "media",
    "workers",
    "away",
    "crowd",
    "flood",
)


def main() -> int:
    """Run the named drivers, or all of them, one after the other."""
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__)
    parser.add_argument("names", nargs="+", choices=[*_NAMES, "all"], metavar="NAME")
    names = parser.parse_args().names
    unmet = 0
    for name in _NAMES if "all" in names else names:
        verdict = Verdict(name)
        trio.run(importlib.import_module(f"bench.faults.{name}").run, verdict)
        unmet += verdict.unmet
    return 1 if unmet else 0


if __name__ == "__main__":
    sys.exit(main())
