"""`relayd queue`: how much waits to be transcribed, and who works on it."""

import argparse
from typing import TYPE_CHECKING, Any

from relayd.cli.toolkit.exits import Exit
from relayd.cli.toolkit.operator import run
from relayd.cli.toolkit.options import Subparsers, add_command, add_config, add_json
from relayd.cli.toolkit.output import print_json, print_table
from relayd.durations import seconds

if TYPE_CHECKING:
    from relayd.config import Config
    from relayd.database.ports import Database
    from relayd.transcriptions.outcomes import QueueStats

__all__ = ["add"]


def add(subparsers: Subparsers) -> None:
    """Register `queue`."""
    command = add_command(
        subparsers,
        "queue",
        _run,
        summary="show how many recordings wait, and who works on them",
        details=(
            "Show the recordings of all users that wait or run, and the workers that live. An\n"
            "autoscaler starts and stops workers by waiting_seconds, the audio that waits."
        ),
        examples="  relayd queue\n  relayd queue --json | jq .waiting_seconds",
    )
    add_config(command)
    add_json(command)


def _run(arguments: argparse.Namespace) -> int:
    async def action(database: "Database", config: "Config") -> "QueueStats":
        from relayd.transcriptions.service import Transcriptions

        return await Transcriptions(database, config.batch).queue_stats()

    fields = _fields(run(arguments, action))
    if arguments.json:
        print_json(fields)
    else:
        print_table([fields], empty="")
    return Exit.OK


def _fields(found: "QueueStats") -> dict[str, Any]:
    """As `GET /api/v1/admin/queue-stats` names them."""
    return {
        "waiting_seconds": seconds(found.queued_ms),
        "oldest_seconds": round(found.oldest_seconds, 3),
        "queued": found.queued,
        "delayed": found.delayed,
        "running": found.running,
        "users_waiting": found.users_waiting,
        "workers": found.workers,
        "slots": found.slots,
    }
