"""`make mutants`: break rooms in every small way that mutmut knows, and count what is noticed.

The checkout stays as it is: a copy of it is broken, below the temporary directory. Each break is
tried on the tests of its own room; the long histories are left out, since what only they would
notice lacks a test that states it.
"""

import argparse
import fnmatch
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Final

import attrs
import psycopg
from psycopg.conninfo import make_conninfo

from relayd.database import migrate
from relayd.database.embedded import Attachment
from tests.fixtures.databases import create_database
from tests.fixtures.postgres import FOREIGN_SERVER, TEMPLATE, new_directory
from tests.mutants.breaking import Break, break_file
from tests.mutants.trials import ENVIRONMENT, Orders, Trial

__all__ = ["ROOMS", "Room", "main"]

ROOT: Final = Path(__file__).parents[2]
# For mutmut, which looks for it in the working directory.
CONFIGURATION: Final = """
[tool.mutmut]
source_paths = ["relayd"]
track_dependencies = false
"""


@attrs.frozen
class Room:
    """What is mutated, and the tests that are to notice."""

    sources: str
    tests: Sequence[str]
    # Long runs over what the others state one by one.
    without: Sequence[str] = ()


ROOMS: Final = {
    "ledger": Room(
        "relayd/ledger/*.py",
        ["tests/ledger"],
        [
            "test_histories.py",
            "test_histories_postgres.py",
            "test_purses.py",
            "test_concurrency.py",
        ],
    ),
    "payments": Room(
        "relayd/payments/*.py",
        ["tests/payments"],
        ["test_histories.py", "test_webhook_abuse.py", "test_losses.py"],
    ),
    "session": Room("relayd/session/*.py", ["tests/session"], ["test_cancellation_sweep.py"]),
    "websocket": Room(
        "relayd/websocket/*.py",
        ["tests/websocket"],
        ["test_conformance.py::test_all_cases_over_sockets"],
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Break the named rooms, and say of each what was noticed."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("rooms", nargs="*", metavar="ROOM", help=f"{', '.join(ROOMS)}; else all")
    parser.add_argument("--only", default="*", help='some files of it, such as "holds"')
    parser.add_argument("--jobs", type=int, default=2, help="breaks tried at once (2)")
    parser.add_argument(
        "--results", type=Path, help="a file to add to; what it says was noticed isn't tried again"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=math.inf,
        help="how much of the processor each break gets (all)",
    )
    options = parser.parse_args(arguments)
    for name in options.rooms:
        if name not in ROOMS:
            parser.error(f"no room is called {name}: {', '.join(ROOMS)}")
    with _postgres() as environment:
        for name in options.rooms or ROOMS:
            with tempfile.TemporaryDirectory(prefix=f"relayd-mutants-{name}-") as directory:
                workshop = Workshop(Path(directory), environment, options.jobs, options.seconds)
                breaks = workshop.break_room(ROOMS[name], options.only)
                results = options.results or workshop.copy / "results.jsonl"
                _report(name, breaks, workshop.try_out(ROOMS[name], breaks, results))
    return 0


@contextmanager
def _postgres() -> Iterator[dict[str, str]]:
    """One server for all breaks, with a database of the whole schema to copy."""
    directory = new_directory("relayd-mutants-")
    attachment = Attachment.attach(directory)
    try:
        with psycopg.connect(attachment.url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        create_database(attachment.url, "mutants")
        with psycopg.connect(make_conninfo(attachment.url, dbname="mutants")) as connection:
            migrate.apply(connection)
        yield {**os.environ, FOREIGN_SERVER: attachment.url, TEMPLATE: "mutants"}
    finally:
        attachment.leave()
        shutil.rmtree(directory)


@attrs.frozen
class Workshop:
    """A copy of the checkout, to be broken."""

    copy: Path
    environment: dict[str, str]
    jobs: int
    # How much of the processor each break gets.
    seconds: float

    def break_room(self, room: Room, only: str) -> list[Break]:
        """Every break of the room's files of this name; the files hold them from here on."""
        self._copy_checkout()
        with (self.copy / "pyproject.toml").open("a") as config:
            config.write(CONFIGURATION)
        with chdir(self.copy):
            files = sorted(Path().glob(room.sources))
            return [
                one
                for file in files
                if fnmatch.fnmatch(file.stem, only)
                for one in break_file(self.copy, file)
            ]

    def try_out(self, room: Room, breaks: Sequence[Break], results: Path) -> dict[str, Trial]:
        """What the room's tests say to each, by its digest; kept in ``results``."""
        known = {digest: trial.noticed for digest, trial in _read(results).items()}
        # Those first that nobody tried, in an order that means nothing, so that a run which is
        # cut short has tried a fair sample.
        chance = sorted(breaks, key=lambda one: (one.digest in known, one.digest))
        untried = {one.name: one.digest for one in chance if not known.get(one.digest)}
        if untried:
            self._run(room, Orders(untried, results.absolute(), self.jobs, self.seconds))
        return _read(results)

    def _run(self, room: Room, orders: Orders) -> None:
        written = self.copy / "orders.json"
        orders.write(written)
        left_out = [
            f"--{'deselect' if '::' in one else 'ignore'}={tests}/{one}"
            for tests in room.tests
            for one in room.without
        ]
        subprocess.run(  # noqa: S603 - our own words
            [
                *(sys.executable, "-m", "pytest", "-q", "-s", "-p", "tests.mutants.trials"),
                *("-p", "no:cacheprovider", "-p", "no:schemathesis", "-p", "no:xdist"),
                # Nobody reads what the tests say.
                *("--tb=native", "--assert=plain"),
                *(*room.tests, *left_out),
            ],
            cwd=self.copy,
            env={
                **self.environment,
                ENVIRONMENT: str(written),
                "HYPOTHESIS_PROFILE": "mutants",
            },
            check=True,
        )

    def _copy_checkout(self) -> None:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - found on PATH
            cwd=ROOT,
            capture_output=True,
            check=True,
            text=True,
        )
        for file in filter(None, listed.stdout.split("\0")):
            if (ROOT / file).is_file():
                (self.copy / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / file, self.copy / file)


def _read(results: Path) -> dict[str, Trial]:
    """The last word on each break, by its digest."""
    lines = results.read_text().splitlines() if results.exists() else []
    trials = [Trial(**json.loads(line)) for line in lines]
    return {trial.digest: trial for trial in trials}


def _report(name: str, breaks: Sequence[Break], trials: Mapping[str, Trial]) -> None:
    """How many were noticed, and each of the others as a difference."""
    missed = [one for one in breaks if not trials[one.digest].noticed]
    for one in missed:
        print(f"{one.name} {trials[one.digest].by}\n{one.difference}")
    noticed = len(breaks) - len(missed)
    share = 100 * noticed / len(breaks) if breaks else 0
    print(f"{name}: {noticed} of {len(breaks)} breaks noticed ({share:.1f} %)")


if __name__ == "__main__":
    sys.exit(main())
