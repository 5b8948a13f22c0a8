"""`relayd user operator`: who may move money by hand, and what was done by hand."""

import argparse
from typing import TYPE_CHECKING, Any

from relayd.cli.toolkit.exits import Exit
from relayd.cli.toolkit.hand import add_hand, hand_of, refused
from relayd.cli.toolkit.operator import accounts, find_user, run
from relayd.cli.toolkit.options import Subparsers, add_command, add_config, add_json, rows
from relayd.cli.toolkit.output import print_json, print_table, say
from relayd.durations import seconds
from relayd.errors import OperatorError

if TYPE_CHECKING:
    from relayd.accounts.operator_trail import TrailRow
    from relayd.config import Config
    from relayd.database.ports import Database

__all__ = ["add", "add_trail"]


def add(group: Subparsers) -> None:
    """Register `user operator`."""
    command = add_command(
        group,
        "operator",
        _run,
        summary="show, make or unmake an operator",
        details=(
            "Say whether an account is an operator's: somebody who may move money by hand. With\n"
            "auth.operator_second_factor on, `relayd credit` asks for one and for a code of their\n"
            "second factor. Once there is an operator who has one, making and unmaking operators\n"
            "and resetting their second factors takes such a code, too."
        ),
        examples=(
            "  relayd user operator ada@example.org\n"
            '  relayd user operator ada@example.org --appoint --reason "keeps the books"\n'
            '  relayd user operator bob@example.org --dismiss --reason "left" '
            "--operator ada@example.org"
        ),
    )
    command.add_argument("email", metavar="EMAIL", help="the account's address")
    change = command.add_mutually_exclusive_group()
    change.add_argument("--appoint", action="store_true", help="make it an operator's")
    change.add_argument("--dismiss", action="store_true", help="make it an ordinary account")
    command.add_argument("--reason", help="why; it stands in the trail")
    add_hand(command)
    add_config(command)
    add_json(command)


def add_trail(group: Subparsers) -> None:
    """Register `credit trail`."""
    command = add_command(
        group,
        "trail",
        _run_trail,
        summary="show what was done by hand",
        details=(
            "Show what operators did by hand, newest first: who, whether they showed a second\n"
            "factor, to whose account, and why. Rows of it are never changed or deleted."
        ),
        examples="  relayd credit trail\n  relayd credit trail --recent 100 --json",
    )
    command.add_argument(
        "--recent", metavar="N", type=rows, default=20, help="how many to show (default: 20)"
    )
    add_config(command)
    add_json(command)


def _run(arguments: argparse.Namespace) -> int:
    changes = arguments.appoint or arguments.dismiss
    if changes and not arguments.reason:
        raise OperatorError("say why with --reason: it stands in the trail")

    async def action(database: "Database", config: "Config") -> bool:
        user = await find_user(database, config, arguments.email)
        operators = accounts(database, config).operators
        if changes:
            hand = await hand_of(database, config, arguments)
            change = operators.appoint if arguments.appoint else operators.dismiss
            outcome = await change(hand, user.id, arguments.reason)
            if not isinstance(outcome, bool):
                raise refused(outcome, arguments)
            if not outcome:
                stands = "an operator" if arguments.appoint else "no operator"
                raise OperatorError(f"{user.email} is {stands} already")
        return await operators.is_operator(user.id)

    stands = run(arguments, action)
    if arguments.json:
        print_json({"email": arguments.email, "operator": stands})
    else:
        say(f"{arguments.email}: {'an operator' if stands else 'no operator'}")
    return Exit.OK


def _run_trail(arguments: argparse.Namespace) -> int:
    async def action(database: "Database", config: "Config") -> "list[TrailRow]":
        return await accounts(database, config).operators.trail(arguments.recent)

    trail = run(arguments, action)
    if arguments.json:
        print_json([_fields(one) for one in trail])
    else:
        print_table([_columns(one) for one in trail], empty="nothing")
    return Exit.OK


def _fields(row: "TrailRow") -> dict[str, Any]:
    return {
        "done_at": row.done_at,
        "operator": row.operator,
        "login": row.login,
        "second_factor": row.second_factor,
        "action": row.action,
        "email": row.email,
        "seconds": None if row.amount_ms is None else seconds(row.amount_ms),
        "reference": row.reference,
        "reason": row.reason,
    }


def _columns(row: "TrailRow") -> dict[str, Any]:
    """What fits a terminal."""
    return {
        "done": row.done_at,
        "by": row.operator or row.login,
        "2nd factor": "yes" if row.second_factor else "no",
        "action": row.action,
        "account": row.email,
        "seconds": "" if row.amount_ms is None else f"{seconds(row.amount_ms):+.10g}",
        "reason": row.reason,
    }
