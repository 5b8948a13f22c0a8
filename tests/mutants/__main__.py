"""`make mutants`: break one room in every small way that mutmut knows, and count what is noticed.

The checkout stays as it is: a copy of it is mutated, below the temporary directory. Each break is
tried on the tests of its own room that run the broken function, the quick ones first; the long
histories are left out, since what only they would notice lacks a test that states it.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import attrs
import psycopg
from psycopg.conninfo import make_conninfo

from relayd.database import migrate
from relayd.database.embedded import Attachment
from tests.fixtures.postgres import FOREIGN_SERVER, TEMPLATE, create_database

__all__ = ["ROOMS", "Room", "main"]

ROOT: Final = Path(__file__).parents[2]
# What the log says is for people; an assertion is never false in a program that is right.
UNTOUCHED: Final = (
    r"\blog\.\w+\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)",
    r"(?m)^\s*assert\b.*$",
    r"(?m)^\s*__all__ = .*$",
)
# mutmut's names for what became of a break.
NOTICED: Final = frozenset({"killed", "timeout", "segfault", "caught by type check"})


@attrs.frozen
class Room:
    """What is mutated, and the tests that are to notice."""

    sources: Sequence[str]
    tests: Sequence[str]
    # Long runs over what the others state one by one.
    without: Sequence[str] = ()


ROOMS: Final = {
    "ledger": Room(
        ["relayd/ledger/*"],
        ["tests/ledger"],
        ["test_histories.py", "test_histories_postgres.py", "test_concurrency.py"],
    ),
    "payments": Room(
        ["relayd/payments/*"],
        ["tests/payments"],
        ["test_histories.py", "test_webhook_abuse.py", "test_losses.py"],
    ),
    "session": Room(["relayd/session/*"], ["tests/session"]),
    "websocket": Room(["relayd/websocket/*"], ["tests/websocket"]),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Mutate the named rooms, and say of each what was noticed."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("rooms", nargs="*", metavar="ROOM", help=f"{', '.join(ROOMS)}; else all")
    parser.add_argument("--only", default="", help='a part, such as "relayd.ledger.holds*"')
    parser.add_argument("--jobs", type=int, default=2, help="breaks tried at once (2)")
    options = parser.parse_args(arguments)
    for name in options.rooms:
        if name not in ROOMS:
            parser.error(f"no room is called {name}: {', '.join(ROOMS)}")
    with _postgres() as environment:
        for name in options.rooms or ROOMS:
            _mutate(name, ROOMS[name], options.only, options.jobs, environment)
    return 0


@contextmanager
def _postgres() -> Iterator[dict[str, str]]:
    """One server for all breaks, with a database of the whole schema to copy."""
    directory = Path(tempfile.mkdtemp(prefix="relayd-mutants-"))
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


def _mutate(name: str, room: Room, only: str, jobs: int, environment: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory(prefix=f"relayd-mutants-{name}-") as directory:
        copy = Path(directory)
        _copy_checkout(copy)
        with (copy / "pyproject.toml").open("a") as config:
            config.write(_config(room))
        command = [sys.executable, "-m", "mutmut"]
        run = [*command, "run", f"--max-children={jobs}", *([only] if only else [])]
        subprocess.run(run, cwd=copy, env=environment, check=True)  # noqa: S603 - our own words
        shown = subprocess.run(  # noqa: S603 - our own words
            [*command, "results", "--all", "true"],
            cwd=copy,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        _report(name, command, copy, environment, shown.stdout)


def _copy_checkout(copy: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607 - found on PATH
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    for file in filter(None, listed.stdout.split("\0")):
        if (ROOT / file).is_file():
            (copy / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / file, copy / file)


def _config(room: Room) -> str:
    ignored = [f"--ignore={tests}/{file}" for tests in room.tests for file in room.without]
    return f"""
[tool.mutmut]
source_paths = ["relayd"]
only_mutate = {json.dumps(room.sources)}
also_copy = ["bench", "docs", "schema", "systemd", "tests", "webui"]
pytest_add_cli_args = ["-p", "no:cacheprovider", "-p", "no:schemathesis"]
pytest_add_cli_args_test_selection = {json.dumps([*room.tests, *ignored])}
do_not_mutate_patterns = {json.dumps(UNTOUCHED)}
process_isolation = "forkserver"
use_git_change_detection = false
"""


def _report(
    name: str, command: Sequence[str], copy: Path, environment: dict[str, str], results: str
) -> None:
    """How many were noticed, and each of the others as a difference."""
    found = re.findall(r"^\s*(\S+): (.+?)\s*$", results, re.MULTILINE)
    tried = [(key, became) for key, became in found if became not in {"not checked", "skipped"}]
    unnoticed = [key for key, became in tried if became not in NOTICED]
    for key in unnoticed:
        shown = subprocess.run(  # noqa: S603 - our own words
            [*command, "show", key], cwd=copy, env=environment, check=True, capture_output=True
        )
        print(shown.stdout.decode())
    noticed = len(tried) - len(unnoticed)
    share = 100 * noticed / len(tried) if tried else 0
    print(f"{name}: {noticed} of {len(tried)} breaks noticed ({share:.1f} %)")


if __name__ == "__main__":
    sys.exit(main())
