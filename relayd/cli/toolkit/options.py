"""What commands have in common on their command line: how they are added, --config, --json."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from relayd.cli.toolkit.exits import EXIT_CODES

if TYPE_CHECKING:
    from relayd.config import Config

__all__ = ["Subparsers", "add_command", "add_config", "add_group", "add_json", "load", "rows"]

# argparse has no public name for what add_subparsers returns.
Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001
Run = Callable[[argparse.Namespace], int]

# More is for a program, which can read the database.
_ROWS_MAX: Final = 10_000


def add_command(
    commands: Subparsers, name: str, run: Run, *, summary: str, details: str, examples: str
) -> argparse.ArgumentParser:
    """Add one command: its line in the list, its own help, and what runs it."""
    command = commands.add_parser(
        name,
        help=summary,
        description=details,
        epilog=f"examples:\n{examples}\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=run)
    return command


def add_group(commands: Subparsers, name: str, *, summary: str, details: str) -> Subparsers:
    """Add a command that has commands of its own, such as `user`."""
    group = commands.add_parser(
        name,
        help=summary,
        description=details,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return group.add_subparsers(title="commands", metavar="COMMAND", required=True)


def add_config(command: argparse.ArgumentParser) -> None:
    """Let the command take --config; `load` reads it."""
    command.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="the configuration (else ./relayd.toml, then /etc/relayd/relayd.toml)",
    )


def add_json(command: argparse.ArgumentParser) -> None:
    """Let the command answer for programs."""
    command.add_argument("--json", action="store_true", help="print JSON, for programs")


def rows(text: str) -> int:
    """How many to show, as argparse's type."""
    if not text.isascii() or not text.isdigit() or int(text) > _ROWS_MAX:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to {_ROWS_MAX}, not {text}")
    return int(text)


def load(arguments: argparse.Namespace) -> "Config":
    """The configuration that --config and the environment say. Raises ConfigError."""
    from relayd import config

    return config.load(arguments.config, os.environ)
