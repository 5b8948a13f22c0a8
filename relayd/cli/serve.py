"""`relayd serve`: the daemon."""

import argparse

from relayd.cli.toolkit.exits import Exit
from relayd.cli.toolkit.options import Subparsers, add_command, add_config, load

__all__ = ["add"]


def add(subparsers: Subparsers) -> None:
    """Register `serve`."""
    command = add_command(
        subparsers,
        "serve",
        _run,
        summary="serve apps until SIGTERM or Ctrl-C",
        details=(
            "Apply migrations, open the engine, listen, and print one line\n"
            "  relayd listening on http://HOST:PORT\n"
            "with the address it really listens on (port 0 lets the system choose). SIGTERM and\n"
            "Ctrl-C drain: live sessions deliver their last words and settle, then it ends with 0."
        ),
        examples=(
            "  relayd serve\n"
            "  relayd serve --config /etc/relayd/relayd.toml\n"
            "  RELAYD_SERVER__LISTEN=127.0.0.1:0 relayd serve"
        ),
    )
    add_config(command)


def _run(arguments: argparse.Namespace) -> int:
    # First of all the configuration: its faults should show at once.
    config = load(arguments)
    import trio

    import relayd.daemon
    from relayd import logs

    # What goes to standard output goes there in order: the line that scripts wait for, too.
    with logs.in_background(config.log.level, config.log.format) as write_line:

        async def main() -> None:
            await relayd.daemon.run(config, started=write_line, reread=lambda: load(arguments))

        trio.run(main)
    return Exit.OK
