"""`relayd migrate`: bring the database's schema up to this version."""

import argparse
from typing import TYPE_CHECKING

from relayd.cli.toolkit.exits import Exit
from relayd.cli.toolkit.operator import opened, quiet
from relayd.cli.toolkit.options import Subparsers, add_command, add_config, add_json, load
from relayd.cli.toolkit.output import print_json, say

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["add"]


def add(subparsers: Subparsers) -> None:
    """Register `migrate`."""
    command = add_command(
        subparsers,
        "migrate",
        _run,
        summary="apply pending migrations to the database",
        details=(
            "Apply the numbered SQL of schema/ that this database has not seen, in order, under\n"
            "a lock; `serve` does the same when it starts. A migration that was changed, or one\n"
            "that this version does not know, is refused."
        ),
        examples="  relayd migrate\n  relayd migrate --config /etc/relayd/relayd.toml",
    )
    add_config(command)
    add_json(command)


def _run(arguments: argparse.Namespace) -> int:
    import trio

    from relayd.database import migrate

    quiet()
    config = load(arguments)

    async def main() -> "Sequence[str]":
        async with opened(config) as database:
            return await database.transact(migrate.apply)

    applied = trio.run(main)
    if arguments.json:
        print_json({"applied": list(applied)})
    elif applied:
        say("\n".join(f"applied {name}" for name in applied))
    else:
        say("nothing to do: the schema is up to date")
    return Exit.OK
