"""argv → one command → an exit code."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import relayd
from relayd.cli import (
    audit,
    backup,
    check,
    credit,
    demo,
    desktop,
    init,
    jobs,
    keys,
    migrate,
    models,
    overview,
    plans,
    purchases,
    queue,
    reconcile,
    reload,
    restore,
    serve,
    sessions,
    transcribe,
    user,
    worker,
)
from relayd.cli.toolkit.exits import EXIT_CODES, Exit, explain

if TYPE_CHECKING:
    from relayd.cli.toolkit.options import Subparsers

__all__ = ["main", "parser"]

_DESCRIPTION = """\
A metered relay between apps and a speech-to-text engine: live audio in, words out,
every millisecond accounted for.

To start with:
  relayd demo                      the whole path on this machine, nothing kept
  relayd init                      a configuration with fresh secrets
  relayd check                     whether it is right, and what to do
  relayd serve                     serve apps
"""

_GROUPS: Final = (
    demo,
    init,
    check,
    migrate,
    serve,
    worker,
    reload,
    transcribe,
    desktop,
    models,
    jobs,
    user,
    keys,
    credit,
    queue,
    plans,
    sessions,
    purchases,
    overview,
    reconcile,
    audit,
    backup,
    restore,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. ``arguments`` are those of the process."""
    try:
        # A usage error ends in argparse with exit code 2.
        parsed = parser().parse_args(arguments)
        run: Callable[[argparse.Namespace], int] = parsed.run
        code = run(parsed)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (head, less) has seen enough. The interpreter would complain at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except BaseException as error:
        explained = explain(error)
        if explained is None:
            raise
        code, line = explained
        if line:
            print(f"relayd: {line}", file=sys.stderr)
    return code


def parser() -> argparse.ArgumentParser:
    """Every command; each file of this package adds its own."""
    top = argparse.ArgumentParser(
        prog="relayd",
        description=_DESCRIPTION,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"relayd {relayd.__version__}")
    commands: Subparsers = top.add_subparsers(
        title="commands", metavar="COMMAND", required=True, dest="command"
    )
    for group in _GROUPS:
        group.add(commands)
    return top
