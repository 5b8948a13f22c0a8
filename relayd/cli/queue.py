"""`relayd queue`: how much waits to be transcribed, and who works on it."""

import argparse
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

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

# What each figure says, for whoever reads it among thousands of others.
_MEANINGS: Final = {
    "waiting_seconds": "Audio of all recordings that wait, in seconds.",
    "oldest_seconds": "For how long the oldest of them has waited.",
    "queued": "Recordings that wait for a worker.",
    "delayed": "Recordings that wait for another attempt, or for an engine.",
    "running": "Recordings that are being transcribed.",
    "users_waiting": "Users of whom something waits.",
    "workers": "Workers that live.",
    "slots": "What all of them can work on at once.",
}


def add(subparsers: Subparsers) -> None:
    """Register `queue`."""
    command = add_command(
        subparsers,
        "queue",
        _run,
        summary="show how many recordings wait, and who works on them",
        details=(
            "Show the recordings of all users that wait or run, and the workers that live. An\n"
            "autoscaler starts and stops workers by waiting_seconds, the audio that waits.\n"
            "With --metrics it is written as Prometheus reads it, for the textfile collector of\n"
            "its node exporter."
        ),
        examples=(
            "  relayd queue\n"
            "  relayd queue --json | jq .waiting_seconds\n"
            "  relayd queue --metrics > relayd.prom.new && mv relayd.prom.new relayd.prom"
        ),
    )
    add_config(command)
    add_json(command)
    command.add_argument(
        "--metrics", action="store_true", help="print gauges in Prometheus' text format"
    )


def _run(arguments: argparse.Namespace) -> int:
    async def action(database: "Database", config: "Config") -> "QueueStats":
        from relayd.transcriptions.service import Transcriptions

        return await Transcriptions(database, config.batch).queue_stats()

    fields = _fields(run(arguments, action))
    if arguments.metrics:
        sys.stdout.write(_exposition(fields))
    elif arguments.json:
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


def _exposition(fields: Mapping[str, float]) -> str:
    """Gauges in Prometheus' text format, version 0.0.4. None of them names a user."""
    return "".join(
        f"# HELP relayd_queue_{name} {_MEANINGS[name]}\n"
        f"# TYPE relayd_queue_{name} gauge\n"
        f"relayd_queue_{name} {value}\n"
        for name, value in fields.items()
    )
