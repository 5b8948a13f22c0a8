"""`relayd init`: a configuration with fresh secrets, readable by its owner only."""

import argparse
import os
import shlex
from pathlib import Path

from relayd.cli.toolkit.exits import Exit
from relayd.cli.toolkit.options import Subparsers, add_command
from relayd.cli.toolkit.output import say

__all__ = ["add"]

_SECRET_BYTES = 48


def add(subparsers: Subparsers) -> None:
    """Register `init`."""
    command = add_command(
        subparsers,
        "init",
        _run,
        summary="write a configuration with fresh secrets",
        details=(
            "Write DIR/relayd.toml: every key with its unit, default and reason, and fresh\n"
            "secrets. It is readable by its owner only. An existing one is never overwritten."
        ),
        examples="  relayd init\n  sudo relayd init /etc/relayd",
    )
    command.add_argument(
        "directory",
        metavar="DIR",
        nargs="?",
        type=Path,
        default=Path(),
        help="where to write it (default: here)",
    )
    command.add_argument(
        "--data-directory",
        metavar="PATH",
        help="what to write for database.data_directory (default: relayd-data beside the file)",
    )


def _run(arguments: argparse.Namespace) -> int:
    path = arguments.directory / "relayd.toml"
    write(path, arguments.data_directory)
    option = "" if arguments.directory == Path() else f" --config {shlex.quote(str(path))}"
    say(f"wrote {path} (mode 0600), with fresh secrets: back up auth.pepper\n")
    say("next:")
    say("  1. for Deepgram, put your key under [engines.deepgram]; without one, the local")
    say("     engine serves, good to try relayd")
    say(f"  2. relayd check{option}")
    say(f"  3. relayd migrate{option}")
    say(f"  4. relayd user add{option} you@example.org")
    say(f'  5. relayd credit grant{option} you@example.org 600 --reason "to try it"')
    say(f"  6. relayd serve{option}")
    return Exit.OK


def write(path: Path, data_directory: str | None) -> None:
    """Write a configuration with fresh secrets. Raises OperatorError where one exists."""
    import secrets

    from relayd.config.example import render
    from relayd.errors import OperatorError

    given = {
        "auth.secret": secrets.token_urlsafe(_SECRET_BYTES),
        "auth.pepper": secrets.token_urlsafe(_SECRET_BYTES),
    }
    if data_directory:
        given["database.data_directory"] = data_directory
    content = render(given)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # O_EXCL: never over an existing one, not even by a race or through a link.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        if path.parent.is_dir():
            raise OperatorError(f"{path} exists and is left as it is") from error
        raise OperatorError(f"{path.parent} is not a directory") from error
    except OSError as error:
        raise OperatorError(f"can't write {path}: {os.strerror(error.errno or 0)}") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
