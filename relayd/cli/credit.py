"""`relayd credit`: give credit, or correct it. Each booking stands in ledger and trail for ever."""

import argparse
import decimal
import uuid
from typing import TYPE_CHECKING, Final

from relayd.cli import user_operator
from relayd.cli.toolkit.exits import Exit
from relayd.cli.toolkit.hand import add_hand, hand_of, refused
from relayd.cli.toolkit.operator import accounts, find_user, run
from relayd.cli.toolkit.options import Subparsers, add_command, add_config, add_group, add_json
from relayd.cli.toolkit.output import print_json, say
from relayd.durations import seconds
from relayd.errors import OperatorError

if TYPE_CHECKING:
    from relayd.config import Config
    from relayd.database.ports import Database
    from relayd.ledger.outcomes import Booked, BookingRefusal

__all__ = ["add"]

# Ten years of audio: more is a slip of the finger, in milliseconds most likely.
_SECONDS_MAX: Final = 10 * 365 * 86_400


def add(subparsers: Subparsers) -> None:
    """Register `credit grant`, `credit adjust` and `credit trail`."""
    group = add_group(
        subparsers,
        "credit",
        summary="grant or adjust a user's credit, show what was done by hand",
        details="Credit is seconds of audio. Live sessions see a change at their next renewal.",
    )
    grant = add_command(
        group,
        "grant",
        _run_grant,
        summary="give credit",
        details="Give a user seconds of credit. A debt is paid from it first.",
        examples=(
            '  relayd credit grant ada@example.org 600 --reason "to try it"\n'
            "  relayd credit grant ada@example.org 3600 --reason invoice --key invoice-2026-117"
        ),
    )
    adjust = add_command(
        group,
        "adjust",
        _run_adjust,
        summary="correct a balance up or down",
        details=(
            "Correct a user's balance; negative seconds take credit away. What live sessions hold\n"
            "can't be taken: a shortfall stands as debt, which the next credit pays first."
        ),
        examples='  relayd credit adjust ada@example.org -120.5 --reason "booked twice"',
    )
    for command in (grant, adjust):
        command.add_argument("email", metavar="EMAIL", help="the account's address")
        command.add_argument(
            "ms", metavar="SECONDS", type=_milliseconds, help="seconds, with up to three decimals"
        )
        command.add_argument("--reason", required=True, help="why; it stands in the ledger")
        command.add_argument(
            "--key",
            help="a name of your own for this booking: a second one of the same name is not booked "
            "again (for scripts that retry)",
        )
        add_hand(command)
        add_config(command)
        add_json(command)
    user_operator.add_trail(group)


def _milliseconds(text: str) -> int:
    """Seconds as typed, in milliseconds, exactly."""
    try:
        typed = decimal.Decimal(text)
        if not typed.is_finite() or abs(typed) > _SECONDS_MAX:
            raise argparse.ArgumentTypeError(f"must be at most {_SECONDS_MAX} seconds, not {text}")
        milliseconds = int(typed * 1000)
    except decimal.InvalidOperation:
        raise argparse.ArgumentTypeError(f"must be seconds, for example 600, not {text}") from None
    if milliseconds != typed * 1000:
        raise argparse.ArgumentTypeError(f"must have at most three decimals, not {text}")
    return milliseconds


def _run_grant(arguments: argparse.Namespace) -> int:
    if arguments.ms <= 0:
        raise OperatorError("a grant must be above 0 seconds: to take credit, use credit adjust")
    return _book(arguments, "grant")


def _run_adjust(arguments: argparse.Namespace) -> int:
    if arguments.ms == 0:
        raise OperatorError("an adjustment of 0 seconds changes nothing")
    return _book(arguments, "adjustment")


def _book(arguments: argparse.Namespace, kind: str) -> int:
    # Made before the first attempt, so that a repeated transaction books once.
    key = arguments.key or f"cli-{uuid.uuid4()}"

    async def action(database: "Database", config: "Config") -> "Booked | BookingRefusal":
        from relayd.ledger.balances import Entry
        from relayd.ledger.outcomes import Booked, BookingRefusal

        user = await find_user(database, config, arguments.email)
        hand = await hand_of(database, config, arguments)
        entry = Entry(user.id, kind, key, arguments.ms, arguments.reason)
        outcome = await accounts(database, config).operators.book(hand, entry)
        if not isinstance(outcome, Booked | BookingRefusal):
            raise refused(outcome, arguments)
        return outcome

    return _answer(arguments, run(arguments, action), key)


def _answer(arguments: argparse.Namespace, booked: "Booked | BookingRefusal", key: str) -> int:
    from relayd.ledger.outcomes import BookingRefusal

    if isinstance(booked, BookingRefusal):
        raise OperatorError(f"nothing was booked: {booked.value}")
    balance = booked.balance
    if arguments.json:
        print_json(
            {
                "email": arguments.email,
                "booked_seconds": 0 if booked.repeated else seconds(arguments.ms),
                "repeated": booked.repeated,
                "key": key,
                "seconds_remaining": seconds(balance.balance_ms),
                "seconds_held": seconds(balance.held_ms),
                "seconds_owed": seconds(balance.debt_ms),
            }
        )
        return Exit.OK
    booked_now = f"{seconds(arguments.ms):+.10g} s for {arguments.email}"
    did = f"{key} was booked before, not again" if booked.repeated else f"booked {booked_now}"
    owed = f", {seconds(balance.debt_ms):.10g} s owed" if balance.debt_ms else ""
    held = f", {seconds(balance.held_ms):.10g} s of it held" if balance.held_ms else ""
    say(f"{did}: {seconds(balance.balance_ms):.10g} s left{held}{owed}")
    return Exit.OK
