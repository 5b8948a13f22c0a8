"""`relayd sessions`: who streams now, and how the latest sessions ended."""

import argparse
from typing import TYPE_CHECKING, Any

from relayd.cli.toolkit.exits import Exit
from relayd.cli.toolkit.operator import find_user, run
from relayd.cli.toolkit.options import Subparsers, add_command, add_config, add_json, rows
from relayd.cli.toolkit.output import print_json, print_table, say
from relayd.durations import seconds

if TYPE_CHECKING:
    from relayd.config import Config
    from relayd.database.ports import Database
    from relayd.ledger.outcomes import SessionRecord

__all__ = ["add"]


def add(subparsers: Subparsers) -> None:
    """Register `sessions`."""
    command = add_command(
        subparsers,
        "sessions",
        _run,
        summary="show live and recent sessions",
        details=(
            "Show the sessions that run now, in any daemon on this database, and the latest that\n"
            "ended. `reported` is the engine's own figure of the audio it heard, at the session's\n"
            "rate, to compare with what was used; in JSON it is audio, and the rate stands beside."
        ),
        examples=(
            "  relayd sessions\n"
            "  relayd sessions --user ada@example.org --recent 50\n"
            "  relayd sessions --json | jq '.live | length'"
        ),
    )
    command.add_argument("--user", metavar="EMAIL", help="only of this account")
    command.add_argument(
        "--recent",
        metavar="N",
        type=rows,
        default=10,
        help="how many ended ones to show (default: 10)",
    )
    add_config(command)
    add_json(command)


def _run(arguments: argparse.Namespace) -> int:
    async def action(
        database: "Database", config: "Config"
    ) -> "tuple[list[SessionRecord], list[SessionRecord]]":
        from relayd.ledger.wallet import Wallet

        user = await find_user(database, config, arguments.user) if arguments.user else None
        user_id, wallet = user.id if user else None, Wallet(database)
        live = await wallet.live_sessions(user_id)
        return live, await wallet.recent_sessions(user_id, arguments.recent)

    live, recent = run(arguments, action)
    if arguments.json:
        print_json({"live": [_fields(one) for one in live], "recent": [_fields(o) for o in recent]})
        return Exit.OK
    say(f"live: {len(live)}")
    print_table([_columns(one) for one in live], empty="  none")
    say("\nrecent:")
    print_table([_columns(one) for one in recent], empty="  none")
    return Exit.OK


def _fields(record: "SessionRecord") -> dict[str, Any]:
    return {
        "session_id": record.session_id,
        "email": record.email,
        "engine": record.engine,
        "model": record.model,
        "rate": record.rate,
        "client_address": record.client_address,
        "started_at": record.started_at,
        "ended_at": record.ended_at,
        "seconds_used": seconds(record.used_ms),
        "seconds_held": seconds(record.held_total_ms - record.used_ms),
        "seconds_reported": None if record.reported_ms is None else seconds(record.reported_ms),
        "end_reason": record.end_reason,
    }


def _columns(record: "SessionRecord") -> dict[str, Any]:
    """What fits a terminal."""
    from relayd.speech.tariff import Tariff

    reported_ms = record.reported_ms
    return {
        "started": record.started_at,
        "email": record.email,
        "from": record.client_address,
        "engine": f"{record.engine}/{record.model}",
        "used": record.used_ms / 1000,
        "reported": None if reported_ms is None else Tariff(record.rate).charge(reported_ms) / 1000,
        "ended": record.end_reason or "live",
        "session": record.session_id,
    }
