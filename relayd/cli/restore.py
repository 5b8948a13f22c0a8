"""`relayd restore FILE`: a backup into an empty database, or instead of what is there."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from relayd.cli.toolkit.exits import Exit
from relayd.cli.toolkit.operator import on_configured_url
from relayd.cli.toolkit.options import Subparsers, add_command, add_config, add_json
from relayd.cli.toolkit.output import print_json, say
from relayd.errors import OperatorError

if TYPE_CHECKING:
    from relayd.backups import Obstacle, Restored
    from relayd.config import Config

__all__ = ["add"]

_OTHER_PEPPER = (
    "auth.pepper is another than that of the backup: no password will match. Put the one into "
    "relayd.toml that was there when the backup was made"
)


def add(subparsers: Subparsers) -> None:
    """Register `restore`."""
    command = add_command(
        subparsers,
        "restore",
        _run,
        summary="bring a backup back into an empty database",
        details=(
            "Bring FILE back, all of it or nothing: PostgreSQL checks every constraint, as many\n"
            "rows as were backed up must have come, the schema must be whole and the books must\n"
            "balance. Stop every daemon of the database first. Exit code 1 where something is\n"
            "not well afterwards: the books, or another auth.pepper."
        ),
        examples=(
            "  relayd restore /var/backups/relayd-2026-01-31\n"
            "  relayd restore --replace /var/backups/relayd-2026-01-31"
        ),
    )
    command.add_argument("file", metavar="FILE", type=Path, help="what `relayd backup` wrote")
    command.add_argument(
        "--replace",
        action="store_true",
        help="throw away what the database holds now; without it only an empty one is taken",
    )
    add_config(command)
    add_json(command)


def _run(arguments: argparse.Namespace) -> int:
    from relayd.backups import Obstacle, pepper_mark, restore

    def action(url: str, config: "Config") -> "tuple[Restored | Obstacle, bool]":
        outcome = restore(url, arguments.file, replace=arguments.replace)
        if isinstance(outcome, Obstacle):
            return outcome, True
        return outcome, outcome.manifest.pepper_mark == pepper_mark(config.auth.pepper)

    outcome, same_pepper = on_configured_url(arguments, action)
    if isinstance(outcome, Obstacle):
        raise OperatorError(_refusal(outcome))
    if arguments.json:
        _print(outcome, same_pepper=same_pepper)
    else:
        _show(arguments.file, outcome, same_pepper=same_pepper)
    return Exit.OK if same_pepper and not outcome.findings else Exit.NOT_WELL


def _refusal(obstacle: "Obstacle") -> str:
    rows = sum(obstacle.rows.values())
    users = obstacle.rows.get("users")
    what = f"{users:,} accounts" if users is not None else f"{len(obstacle.rows)} tables"
    return (
        f"the database is not empty ({what}, {rows:,} rows in all) and was left as it is: name an "
        "empty one in database.url, or throw this away with --replace"
    )


def _print(outcome: "Restored", *, same_pepper: bool) -> None:
    import attrs

    print_json(
        {
            "restored": attrs.asdict(outcome.manifest),
            "balanced": not outcome.findings,
            "same_pepper": same_pepper,
        }
    )


def _show(file: Path, outcome: "Restored", *, same_pepper: bool) -> None:
    manifest = outcome.manifest
    say(f"restored {file}: {manifest.total_rows:,} rows, of {manifest.made_at}")
    say("the schema is whole, every row is there")
    if outcome.findings:
        was = "neither did" if manifest.balanced is False else "unlike"
        say(f"the books do NOT balance ({was} those of the backup): `relayd audit` shows the rows")
    else:
        say("the books balance")
    if not same_pepper:
        say(_OTHER_PEPPER)
