"""`relayd overview`: money in, minutes out, what stays, and how things stand."""

import argparse
from itertools import groupby
from typing import TYPE_CHECKING

from relayd.cli.toolkit.exits import Exit
from relayd.cli.toolkit.operator import run
from relayd.cli.toolkit.options import Subparsers, add_command, add_config, add_json, rows
from relayd.cli.toolkit.output import print_json, print_table, say

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from relayd.config import Config
    from relayd.database.ports import Database
    from relayd.overview.engine_days import EngineDay
    from relayd.overview.overview import Overview

    Costed = tuple[EngineDay, Decimal]

__all__ = ["add"]

_MS_PER_MINUTE = 60_000


def add(subparsers: Subparsers) -> None:
    """Register `overview`."""
    command = add_command(
        subparsers,
        "overview",
        _run,
        summary="show money in, minutes out and what stays",
        details=(
            "Show the last days (UTC): what was paid and taken back, what Stripe kept and the\n"
            "engines charged (as [costs] and the models say), what each engine did; and how\n"
            "things stand now: live streams, recordings that wait, users, failures of a day."
        ),
        examples=(
            "  relayd overview\n"
            "  relayd overview --days 7\n"
            "  relayd overview --json | jq .present.live_streams"
        ),
    )
    command.add_argument(
        "--days", metavar="N", type=rows, default=30, help="how many, with today (default: 30)"
    )
    add_config(command)
    add_json(command)


def _run(arguments: argparse.Namespace) -> int:
    async def action(database: "Database", config: "Config") -> "Overview":
        import datetime as dt

        from relayd.overview.overview import overview

        today = dt.datetime.now(dt.UTC).date()
        return await database.transact(overview, config, today, arguments.days)

    seen = run(arguments, action)
    if arguments.json:
        import msgspec

        from relayd.routes.views.operator import report

        print_json(msgspec.to_builtins(report(seen)))
    else:
        _show(seen)
    return Exit.OK


def _show(seen: "Overview") -> None:
    now = seen.present
    say(f"since {seen.since} (UTC)\n")
    print_table(
        [
            {"what": what, seen.currency or "money": round(float(cents) / 100, 2)}
            for what, cents in (
                ("paid and kept", seen.kept_cents),
                ("Stripe's fees", -seen.fees),
                ("engines", -seen.engine_cents),
                ("stays", seen.margin_cents),
            )
        ],
        empty="nothing",
    )
    say(
        f"\nnow: {now.live_streams} live, {now.queue.running} recordings under way, "
        f"{now.queue.queued} wait ({now.queue.queued_ms // _MS_PER_MINUTE} min); "
        f"{now.users} users, {now.users_new} new in a day, "
        f"{now.credit_ms // _MS_PER_MINUTE} min not used yet"
    )
    for engine, alone in now.engines_alone.items():
        say(f"left alone until {alone.until:%H:%M}Z: {engine} ({alone.reason})")
    for reason, count in now.failures.items():
        say(f"failed in a day: {reason} ({count})")
    each: list[Costed] = list(zip(seen.days, seen.costs, strict=True))
    say("")
    _totals(each, lambda one: (one.kind, one.engine, one.model), ("kind", "engine", "model"))
    say("")
    _totals(each, lambda one: (str(one.day),), ("day",))


def _totals(
    each: "list[Costed]", key: "Callable[[EngineDay], tuple[str, ...]]", names: tuple[str, ...]
) -> None:
    """What engines did, added up by this key."""
    ordered = sorted(each, key=lambda one: key(one[0]))
    groups = [(name, list(some)) for name, some in groupby(ordered, lambda one: key(one[0]))]
    print_table(
        [
            {
                **dict(zip(names, name, strict=True)),
                "ended": sum(one.ended for one, _ in some),
                "failed": sum(one.failed for one, _ in some),
                "minutes": round(sum(one.audio_ms for one, _ in some) / _MS_PER_MINUTE, 1),
                "charged": round(sum(one.charged_ms for one, _ in some) / _MS_PER_MINUTE, 1),
                "cost": round(float(sum(cost for _, cost in some)) / 100, 2),
            }
            for name, some in groups
        ],
        empty="nothing ended in these days",
    )
