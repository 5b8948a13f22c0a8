"""`relayd worker`: somebody who transcribes recordings."""

import argparse

from relayd.cli.toolkit.exits import Exit
from relayd.cli.toolkit.options import Subparsers, add_command, add_config, load

__all__ = ["add"]

_SLOTS_MAX = 256


def add(subparsers: Subparsers) -> None:
    """Register `worker`."""
    command = add_command(
        subparsers,
        "worker",
        _run,
        summary="transcribe recordings until SIGTERM or Ctrl-C",
        details=(
            "Take recordings that were handed in, one after the other, and transcribe them. Any\n"
            "number of workers may do this, on any machines that reach the database and the store\n"
            "of the recordings. `relayd serve` has a worker of its own ([batch] workers).\n"
            "SIGTERM and Ctrl-C drain: what isn't done within server.drain_seconds is given back\n"
            "and taken by another worker."
        ),
        examples="  relayd worker\n  relayd worker --slots 4 --config /etc/relayd/relayd.toml",
    )
    add_config(command)
    command.add_argument(
        "--slots",
        metavar="N",
        type=_slots,
        help="recordings, or parts of one, at once (else [batch] worker_slots)",
    )


def _slots(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _SLOTS_MAX:
        raise argparse.ArgumentTypeError(f"must be a number from 1 to {_SLOTS_MAX}, not {text}")
    return int(text)


def _run(arguments: argparse.Namespace) -> int:
    config = load(arguments)
    import trio

    from relayd import logs
    from relayd.daemon import working

    slots: int = arguments.slots or config.batch.worker_slots
    with logs.in_background(config.log.level, config.log.format) as write_line:

        async def main() -> None:
            await working.run(config, slots, started=write_line)

        trio.run(main)
    return Exit.OK
