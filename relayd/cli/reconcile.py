"""`relayd reconcile`: compare purchases with Stripe's own lists, now."""

import argparse
import datetime as dt
import re
from typing import TYPE_CHECKING, Final

import attrs

from relayd.cli.toolkit.exits import Exit
from relayd.cli.toolkit.operator import run
from relayd.cli.toolkit.options import Subparsers, add_command, add_config, add_json
from relayd.cli.toolkit.output import print_json, say
from relayd.errors import OperatorError

if TYPE_CHECKING:
    from relayd.config import Config
    from relayd.database.ports import Database
    from relayd.payments.fulfilment.reconciliation import Reconciled

__all__ = ["add"]

_UNITS: Final = {"h": "hours", "d": "days"}
_DAYS_MAX: Final = 3650


def add(subparsers: Subparsers) -> None:
    """Register `reconcile`."""
    command = add_command(
        subparsers,
        "reconcile",
        _run,
        summary="compare purchases with Stripe's own lists",
        details=(
            "Compare purchases, refunds and disputes with Stripe's own lists and put right what\n"
            "differs: credit what is paid, take back what was refunded or disputed. The daemon\n"
            "does it every stripe.reconcile_seconds; this is for after a longer outage of it. It\n"
            "may run beside daemons and as often as you like."
        ),
        examples="  relayd reconcile\n  relayd reconcile --since 90d\n"
        "  relayd reconcile --since 2026-01-31 --json",
    )
    command.add_argument(
        "--since",
        metavar="WHEN",
        type=_moment,
        help="how far to look back: 36h, 90d, or a day such as 2026-01-31 (else from the last "
        "comparison on, and over 35 days once a day)",
    )
    add_config(command)
    add_json(command)


def _moment(text: str) -> dt.datetime:
    span = re.fullmatch(r"([0-9]{1,5})([hd])", text)
    now = dt.datetime.now(dt.UTC)
    try:
        if span:
            moment = now - dt.timedelta(**{_UNITS[span[2]]: int(span[1])})
        else:
            moment = dt.datetime.fromisoformat(text)
            moment = moment.replace(tzinfo=moment.tzinfo or dt.UTC)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"must be like 36h, 90d or 2026-01-31, not {text}"
        ) from None
    if not now - dt.timedelta(days=_DAYS_MAX) <= moment <= now:
        raise argparse.ArgumentTypeError(f"must be in the last {_DAYS_MAX} days, not {text}")
    return moment


def _run(arguments: argparse.Namespace) -> int:
    async def action(database: "Database", config: "Config") -> "Reconciled":
        from relayd.payments.shop import open_shop

        async with open_shop(config, database) as shop:
            if shop is None:
                raise OperatorError("stripe.api_key is not set, so there is nothing to compare")
            return await shop.reconcile(arguments.since)

    done = run(arguments, action)
    code = Exit.NOT_WELL if done.failed else Exit.OK
    if arguments.json:
        print_json(attrs.asdict(done))
        return code
    say(
        f"since {done.since.astimezone(dt.UTC):%Y-%m-%d %H:%M}Z: looked at {done.sessions} checkout"
        f" sessions, {done.invoices} invoices, {done.subscriptions} subscriptions,"
        f" {done.refunds} refunds, {done.disputes} disputes"
    )
    say(f"put right: {done.corrected}; closed without payment: {done.expired}")
    if done.truncated:
        say("there was more than is looked at in one go: do it again with a later --since too")
    if done.strangers:
        say(
            f"paid, and of no purchase here: {', '.join(done.strangers)}. After a restore: look"
            " them up at Stripe, and grant the credit or refund it"
        )
    if done.failed:
        say(f"could not be put right: {done.failed}; the log says why")
    return code
