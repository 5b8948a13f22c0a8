"""`relayd audit`: whether the books balance, and the rows at fault where they don't."""

import argparse
from typing import TYPE_CHECKING

from relayd.cli.toolkit.exits import Exit
from relayd.cli.toolkit.operator import run
from relayd.cli.toolkit.options import Subparsers, add_command, add_config, add_json
from relayd.cli.toolkit.output import print_json, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from relayd.config import Config
    from relayd.database.ports import Database
    from relayd.ledger.outcomes import Discrepancy

__all__ = ["add"]


def add(subparsers: Subparsers) -> None:
    """Register `audit`."""
    command = add_command(
        subparsers,
        "audit",
        _run,
        summary="check that the books balance",
        details=(
            "Check what must always be true of the ledger: balances equal their entries, holds\n"
            "equal those of open sessions, one entry for each ended session, nothing below zero.\n"
            "Exit code 1 and the rows at fault where it is not. It reads one snapshot and\n"
            "disturbs nobody."
        ),
        examples="  relayd audit\n  relayd audit --json || mail -s 'relayd: books' ops@example.org",
    )
    add_config(command)
    add_json(command)


def _run(arguments: argparse.Namespace) -> int:
    async def action(database: "Database", _: "Config") -> "Sequence[Discrepancy]":
        from relayd.ledger.audit import audit

        return await database.transact(audit)

    findings = run(arguments, action)
    if arguments.json:
        rows = [{"rule": one.rule, "row": one.row} for one in findings]
        print_json({"balanced": not findings, "findings": rows})
    elif not findings:
        say("balanced")
    else:
        _show(findings)
    return Exit.NOT_WELL if findings else Exit.OK


def _show(findings: "Sequence[Discrepancy]") -> None:
    from relayd.ledger.outcomes import label

    say("NOT balanced; rows at fault, by the rule they break:")
    for one in findings:
        say(f"  {label(one)}")
    say("Keep the database as it is and make a copy: each row leads to what was booked.")
