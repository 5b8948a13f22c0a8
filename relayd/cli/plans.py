"""`relayd plans`: what plans there are, which one somebody is on, and minutes given by hand."""

import argparse
import datetime as dt
import uuid
from typing import TYPE_CHECKING, Final

from relayd.cli.toolkit.exits import Exit
from relayd.cli.toolkit.hand import add_hand, hand_of, refused
from relayd.cli.toolkit.operator import accounts, find_user, run
from relayd.cli.toolkit.options import (
    Subparsers,
    add_command,
    add_config,
    add_group,
    add_json,
    load,
)
from relayd.cli.toolkit.output import print_json, print_table, say
from relayd.durations import seconds
from relayd.errors import OperatorError

if TYPE_CHECKING:
    from relayd.config import Config
    from relayd.database.ports import Database
    from relayd.ledger.outcomes import Booked, BookingRefusal
    from relayd.plans.plans import Plan
    from relayd.plans.service import PlanStanding

__all__ = ["add"]

_MINUTES_MAX: Final = 10_000_000
_DAYS_MAX: Final = 3660


def add(subparsers: Subparsers) -> None:
    """Register `plans list`, `show` and `give`."""
    group = add_group(
        subparsers,
        "plans",
        summary="show plans, who is on which, and give minutes that run out",
        details="Plans are configured in [plans]; which one a user is on follows from the books.",
    )
    listing = add_command(
        group,
        "list",
        _run_list,
        summary="show what each plan gives",
        details="Show the plans as they are configured.",
        examples="  relayd plans list",
    )
    add_config(listing)
    add_json(listing)
    show = add_command(
        group,
        "show",
        _run_show,
        summary="show a user's plan and what is left of it",
        details=(
            "Show which plan a user is on, what they used in its period, and when the rest runs\n"
            "out. On Free, the month's minutes are given, as when the user looks."
        ),
        examples="  relayd plans show ada@example.org",
    )
    show.add_argument("email", metavar="EMAIL", help="the account's address")
    add_config(show)
    add_json(show)
    _add_give(group)


def _add_give(group: Subparsers) -> None:
    command = add_command(
        group,
        "give",
        _run_give,
        summary="give minutes that run out, and with them a plan",
        details=(
            "Give a user minutes that run out after some days. With --plan pro the user is on Pro\n"
            "until then, used up or not. Credit that lasts is `relayd credit grant`."
        ),
        examples=(
            '  relayd plans give ada@example.org 1000 --days 30 --plan pro --reason "to try"\n'
            '  relayd plans give ada@example.org 60 --days 7 --reason "sorry for the outage"'
        ),
    )
    command.add_argument("email", metavar="EMAIL", help="the account's address")
    command.add_argument("minutes", metavar="MINUTES", type=_minutes, help="whole minutes")
    command.add_argument(
        "--days", type=_days, required=True, help="after so many days they run out"
    )
    command.add_argument("--plan", choices=["pro"], help="the plan that comes with them")
    command.add_argument(
        "--recordings-only", action="store_true", help="live streams may not use them"
    )
    command.add_argument("--reason", required=True, help="why; it stands in the ledger")
    command.add_argument(
        "--key",
        help="a name of your own for this gift: a second one of the same name is not given again "
        "(for scripts that retry)",
    )
    add_hand(command)
    add_config(command)
    add_json(command)


def _minutes(text: str) -> int:
    return _whole(text, "minutes", _MINUTES_MAX)


def _days(text: str) -> int:
    return _whole(text, "days", _DAYS_MAX)


def _whole(text: str, unit: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
        raise argparse.ArgumentTypeError(f"must be whole {unit} from 1 to {most:,}, not {text}")
    return int(text)


def _run_list(arguments: argparse.Namespace) -> int:
    from relayd.daemon.batch import membership_of

    membership = membership_of(load(arguments))
    plans = [] if membership is None else list(membership.plans)
    facts = [_facts(plan) for plan in plans]
    if arguments.json:
        print_json(facts)
    else:
        rows = [{name: _cell(value) for name, value in one.items()} for one in facts]
        print_table(rows, empty="no plans: every account may do the same (plans.on is false)")
    return Exit.OK


def _facts(plan: "Plan") -> dict[str, object]:
    terms = plan.terms
    return {
        "plan": plan.name.value,
        "minutes_per_month": plan.minutes_ms // 60_000,
        "models": None if terms.models is None else sorted(terms.models),
        "formats": None if plan.formats is None else sorted(plan.formats),
        "priority": terms.priority,
        "recordings_at_once": terms.running_max,
        "recordings_waiting": terms.queued_max,
        "requests_per_minute": plan.requests_per_minute,
    }


def _cell(value: object) -> object:
    if value is None:
        return "all"
    return ", ".join(value) if isinstance(value, list) else value


def _run_show(arguments: argparse.Namespace) -> int:
    async def action(database: "Database", config: "Config") -> "PlanStanding | None":
        from relayd.daemon.batch import membership_of
        from relayd.plans.service import UserPlans

        user = await find_user(database, config, arguments.email)
        return await UserPlans(database, membership_of(config)).standing(user.id)

    standing = run(arguments, action)
    assert standing is not None, "an account without a balance"
    if arguments.json:
        print_json(_shown(arguments.email, standing))
    else:
        _say(arguments.email, standing)
    return Exit.OK


def _shown(email: str, standing: "PlanStanding") -> dict[str, object]:
    return {
        "email": email,
        "plan": None if standing.plan is None else standing.plan.name.value,
        "period_begins_at": standing.period.begins_at.isoformat(),
        "period_ends_at": standing.period.ends_at.isoformat(),
        "seconds_used": seconds(standing.used_ms),
        "live_seconds": seconds(standing.live_ms),
        "seconds_remaining": seconds(standing.balance.balance_ms),
        "seconds_owed": seconds(standing.balance.debt_ms),
        "expiring": [
            {
                "source": lot.source,
                "plan": lot.plan,
                "seconds_given": seconds(lot.amount_ms),
                "seconds_remaining": seconds(lot.remaining_ms),
                "live": lot.live,
                "expires_at": lot.expires_at.isoformat(),
            }
            for lot in standing.lots
        ],
    }


def _say(email: str, standing: "PlanStanding") -> None:
    plan = "no plan" if standing.plan is None else f"plan {standing.plan.name.value}"
    period = f"{standing.period.begins_at:%Y-%m-%d} to {standing.period.ends_at:%Y-%m-%d}"
    say(f"{email}: {plan}, {period}")
    used, live = seconds(standing.used_ms), seconds(standing.live_ms)
    say(f"  used {used:.10g} s, {live:.10g} s of it live")
    say(f"  left {seconds(standing.balance.balance_ms):.10g} s")
    for lot in standing.lots:
        scope = "" if lot.live else ", for recordings alone"
        left = f"{seconds(lot.remaining_ms):.10g} of {seconds(lot.amount_ms):.10g} s"
        say(f"  {left} until {lot.expires_at:%Y-%m-%d %H:%M} ({lot.source}{scope})")


def _run_give(arguments: argparse.Namespace) -> int:
    # Made before the first attempt, so that a repeated transaction gives once.
    key = arguments.key or f"cli-{uuid.uuid4()}"

    async def action(database: "Database", config: "Config") -> "Booked | BookingRefusal":
        from relayd.accounts.operators import GIVE, Deed
        from relayd.ledger import lots
        from relayd.ledger.outcomes import Booked, BookingRefusal
        from relayd.plans.service import HAND_SOURCE

        user = await find_user(database, config, arguments.email)
        hand = await hand_of(database, config, arguments)
        asked = lots.Grant(
            user.id,
            HAND_SOURCE,
            key,
            arguments.minutes * 60_000,
            dt.datetime.now(dt.UTC) + dt.timedelta(days=arguments.days),
            arguments.reason,
            plan=arguments.plan or "",
            live=not arguments.recordings_only,
        )
        deed = Deed(GIVE, user.id, arguments.reason, asked.amount_ms, key)
        outcome = await accounts(database, config).operators.act(
            hand, deed, lambda connection: lots.grant(connection, asked)
        )
        if not isinstance(outcome, Booked | BookingRefusal):
            raise refused(outcome, arguments)
        return outcome

    return _answer(arguments, run(arguments, action), key)


def _answer(arguments: argparse.Namespace, booked: "Booked | BookingRefusal", key: str) -> int:
    from relayd.ledger.outcomes import BookingRefusal

    if isinstance(booked, BookingRefusal):
        raise OperatorError(f"nothing was given: {booked.value}")
    left = seconds(booked.balance.balance_ms)
    if arguments.json:
        print_json(
            {
                "email": arguments.email,
                "minutes": 0 if booked.repeated else arguments.minutes,
                "repeated": booked.repeated,
                "key": key,
                "seconds_remaining": left,
            }
        )
    elif booked.repeated:
        say(f"{key} was given before, not again: {left:.10g} s left")
    else:
        say(f"gave {arguments.minutes} min to {arguments.email}: {left:.10g} s left")
    return Exit.OK
