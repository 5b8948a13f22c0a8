"""`relayd purchases`: what was bought, paid, refunded and disputed."""

import argparse
from typing import TYPE_CHECKING, Any

from relayd.cli.toolkit.exits import Exit
from relayd.cli.toolkit.operator import find_user, run
from relayd.cli.toolkit.options import Subparsers, add_command, add_config, add_json, rows
from relayd.cli.toolkit.output import print_json, print_table
from relayd.durations import seconds

if TYPE_CHECKING:
    from relayd.config import Config
    from relayd.database.ports import Database
    from relayd.payments.books.purchases import PurchaseRecord

__all__ = ["add"]


def add(subparsers: Subparsers) -> None:
    """Register `purchases`."""
    command = add_command(
        subparsers,
        "purchases",
        _run,
        summary="show what was bought",
        details=(
            "Show the latest purchases: pending, paid, failed or expired, and how many seconds\n"
            "refunds and disputes took back. Prices are in the currency's smallest unit."
        ),
        examples=(
            "  relayd purchases\n"
            "  relayd purchases --user ada@example.org --recent 50\n"
            "  relayd purchases --json | jq '.[] | select(.disputed)'"
        ),
    )
    command.add_argument("--user", metavar="EMAIL", help="only of this account")
    command.add_argument(
        "--recent", metavar="N", type=rows, default=20, help="how many to show (default: 20)"
    )
    add_config(command)
    add_json(command)


def _run(arguments: argparse.Namespace) -> int:
    async def action(database: "Database", config: "Config") -> "list[PurchaseRecord]":
        from relayd.payments.books import purchases

        user = await find_user(database, config, arguments.user) if arguments.user else None
        user_id = user.id if user else None
        return await database.transact(purchases.recent, user_id, arguments.recent)

    purchases = run(arguments, action)
    if arguments.json:
        print_json([_fields(one) for one in purchases])
    else:
        print_table([_columns(one) for one in purchases], empty="none")
    return Exit.OK


def _fields(record: "PurchaseRecord") -> dict[str, Any]:
    return {
        "purchase_id": record.purchase_id,
        "email": record.email,
        "package_id": record.package_id,
        "seconds": record.seconds,
        "price_cents": record.price_cents,
        "currency": record.currency,
        "status": record.status,
        "created_at": record.created_at,
        "settled_at": record.settled_at,
        "seconds_taken_back": seconds(record.clawed_back_ms),
        "disputed": record.disputed,
        "checkout_session_id": record.checkout_session_id,
        "payment_intent_id": record.payment_intent_id,
    }


def _columns(record: "PurchaseRecord") -> dict[str, Any]:
    """What fits a terminal."""
    return {
        "created": record.created_at,
        "email": record.email,
        "package": record.package_id,
        "price": f"{record.price_cents} {record.currency}",
        "seconds": record.seconds,
        "status": "disputed" if record.disputed else record.status,
        "taken back": record.clawed_back_ms / 1000,
        "payment": record.payment_intent_id,
    }
