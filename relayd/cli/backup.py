"""`relayd backup FILE`: the whole database in a file, in one audited snapshot."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from relayd.cli.toolkit.exits import Exit
from relayd.cli.toolkit.operator import on_configured_url
from relayd.cli.toolkit.options import Subparsers, add_command, add_config, add_json
from relayd.cli.toolkit.output import print_json, say

if TYPE_CHECKING:
    from relayd.backups import Manifest
    from relayd.config import Config

__all__ = ["add"]


def add(subparsers: Subparsers) -> None:
    """Register `backup`."""
    command = add_command(
        subparsers,
        "backup",
        _run,
        summary="write the whole database to a file",
        details=(
            "Write every account, credit and purchase to FILE, by PostgreSQL's own pg_dump and in\n"
            "one snapshot, beside live traffic. The snapshot is audited; exit code 1 where its\n"
            "books don't balance (the file is good all the same). FILE is readable by its owner\n"
            "only and never overwritten. Secrets are not in it: keep relayd.toml, auth.pepper\n"
            "above all, apart from it."
        ),
        examples="  relayd backup /var/backups/relayd-$(date +%F)\n  relayd backup now --json",
    )
    command.add_argument("file", metavar="FILE", type=Path, help="where to write it")
    add_config(command)
    add_json(command)


def _run(arguments: argparse.Namespace) -> int:
    from relayd.backups import back_up, pepper_mark

    def action(url: str, config: "Config") -> "tuple[Manifest, list[str]]":
        mark = pepper_mark(config.auth.pepper)
        return back_up(url, arguments.file, mark), _secrets(config)

    made, secrets = on_configured_url(arguments, action)
    if arguments.json:
        import attrs

        print_json({"file": arguments.file, "secrets_not_in_it": secrets, **attrs.asdict(made)})
    else:
        _show(arguments.file, made, secrets)
    return Exit.NOT_WELL if made.balanced is False else Exit.OK


def _show(file: Path, made: "Manifest", secrets: list[str]) -> None:
    size = file.stat().st_size
    say(f"wrote {file}: {made.total_rows:,} rows, {size:,} bytes, of {made.made_at}")
    say(f"not in it: {', '.join(secrets)}")
    say("keep auth.pepper apart from it: without it no password matches")
    if made.balanced is None:
        say("not audited: the schema is older than this relayd; `relayd migrate` brings it up")
    elif not made.balanced:
        say("the books do NOT balance, here and in the backup: `relayd audit` shows the rows")


def _secrets(config: "Config") -> list[str]:
    """The names of the secrets that are set."""
    from operator import attrgetter

    from relayd.config.keys import walk

    fields = [field for field in walk(type(config)) if field.secret]
    return [one.name for one in fields if attrgetter(one.name)(config) not in {one.default, ()}]
