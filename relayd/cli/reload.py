"""`relayd reload`: have the running daemon read its configuration anew."""

import argparse

from relayd.cli.toolkit.exits import Exit
from relayd.cli.toolkit.options import Subparsers, add_command, add_config, load
from relayd.cli.toolkit.output import say

__all__ = ["add"]


def add(subparsers: Subparsers) -> None:
    """Register `reload`."""
    command = add_command(
        subparsers,
        "reload",
        _run,
        summary="have the running daemon read its configuration anew",
        details=(
            "The daemon's serving processes are replaced one by one: nobody who connects is\n"
            "refused, and streams of the old ones go on until they end, or until\n"
            "server.retire_seconds have passed. A configuration with a fault changes nothing.\n"
            "What a restart takes: server.listen, database.url, and having one process only."
        ),
        examples="  relayd reload\n  systemctl reload relayd",
    )
    add_config(command)


def _run(arguments: argparse.Namespace) -> int:
    config = load(arguments)
    from relayd.daemon.control import ask_reload

    say(f"reloaded: {ask_reload(config)}")
    return Exit.OK
