"""`relayd demo`: the whole path on this machine, and nothing kept."""

import argparse
import sys

from relayd.cli.toolkit.options import Subparsers, add_command

__all__ = ["add"]


def add(subparsers: Subparsers) -> None:
    """Register `demo`."""
    command = add_command(
        subparsers,
        "demo",
        _run,
        summary="try the whole path with a spoken recording; nothing is kept",
        details=(
            "Start the daemon on loopback with a temporary database, make an account with ten\n"
            "minutes of credit, stream a short spoken recording live, hand the same one in as a\n"
            "file, and show the words, what they cost, and whether the books balance (exit code\n"
            "1 if not).\n\n"
            "The engine is the one on this machine, which needs no key. For your own, say so:\n"
            "--config relayd.toml. Only its engine settings are used, never its database."
        ),
        examples=(
            "  relayd demo\n"
            "  relayd demo --keep\n"
            "  relayd demo --config relayd.toml --engine deepgram"
        ),
    )
    command.add_argument(
        "--keep",
        action="store_true",
        help="go on serving afterwards, and print how to connect; Ctrl-C ends it",
    )
    command.add_argument(
        "--engine",
        choices=("moonshine", "sphinx", "deepgram"),
        help="the engine (deepgram needs --config)",
    )
    command.add_argument("--config", metavar="FILE", help="take the engine settings of this file")
    command.set_defaults(fault=command.error)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.engine == "deepgram" and arguments.config is None:
        arguments.fault("--engine deepgram needs its key: give --config FILE")
    import trio

    from relayd import logs
    from relayd.cli.demonstration.configuration import engine_settings
    from relayd.cli.demonstration.performance import Demonstration, run

    choice, engines = engine_settings(arguments.config, arguments.engine)
    # The daemon's own lines would disturb the show; what a human should see still comes.
    logs.configure("error", "text", sys.stderr)
    return trio.run(run, Demonstration(choice=choice, engines=engines, keep=arguments.keep))
