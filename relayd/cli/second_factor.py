"""`relayd user totp`: the second factor of an account, as the operator sees it."""

import argparse
from typing import TYPE_CHECKING

from relayd.cli.toolkit.exits import Exit
from relayd.cli.toolkit.hand import add_hand, hand_of, refused
from relayd.cli.toolkit.operator import accounts, find_user, run
from relayd.cli.toolkit.options import Subparsers, add_command, add_config, add_json
from relayd.cli.toolkit.output import print_json, say
from relayd.errors import OperatorError

if TYPE_CHECKING:
    from relayd.accounts.outcomes import User
    from relayd.accounts.proving.second_factors import FactorState
    from relayd.config import Config
    from relayd.database.ports import Database

__all__ = ["add"]


def add(group: Subparsers) -> None:
    """Register `user totp`."""
    command = add_command(
        group,
        "totp",
        _run,
        summary="show or reset a user's second factor, or require one",
        details=(
            "Say whether signing in to an account takes a code of an authenticator app beside the\n"
            "password. --reset switches it off, for who lost the app and the recovery codes: make\n"
            "sure that it is they who ask. --require keeps the user from switching it off, as you\n"
            "may want for whoever moves money; --no-require lets them."
        ),
        examples=(
            "  relayd user totp ada@example.org\n"
            "  relayd user totp ada@example.org --reset\n"
            "  relayd user totp ada@example.org --require"
        ),
    )
    command.add_argument("email", metavar="EMAIL", help="the account's address")
    command.add_argument("--reset", action="store_true", help="switch it off")
    command.add_argument(
        "--require",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="whether the user must have one",
    )
    add_hand(command)
    add_config(command)
    add_json(command)


async def _reset(
    database: "Database", config: "Config", user: "User", arguments: argparse.Namespace
) -> bool:
    """An operator's takes another operator, or a recovery code, and leaves a trail."""
    from relayd.accounts.operators import RESET_FACTOR, Deed

    books = accounts(database, config)
    if not await books.operators.is_operator(user.id):
        return await books.second_factor.reset(user.id)
    hand = await hand_of(database, config, arguments)
    deed = Deed(RESET_FACTOR, user.id, "lost app and codes")
    change = books.second_factor.resetting()
    outcome = await books.operators.change_one(hand, deed, change)
    if not isinstance(outcome, bool):
        raise refused(outcome, arguments)
    return outcome


def _run(arguments: argparse.Namespace) -> int:
    async def action(database: "Database", config: "Config") -> "FactorState":
        user = await find_user(database, config, arguments.email)
        factor = accounts(database, config).second_factor
        if arguments.reset and not await _reset(database, config, user, arguments):
            raise OperatorError(f"{user.email} has no second factor: there is nothing to reset")
        if arguments.require is not None:
            await factor.require(user.id, required=arguments.require)
        state = await factor.state(user.id)
        assert state is not None
        return state

    state = run(arguments, action)
    if arguments.json:
        print_json(
            {
                "email": arguments.email,
                "second_factor": state.on,
                "required": state.required,
                "recovery_codes_left": state.recovery_codes,
            }
        )
        return Exit.OK
    stands = f"on, {state.recovery_codes} recovery codes left" if state.on else "off"
    say(f"{arguments.email}: second factor {stands}{', required' if state.required else ''}")
    return Exit.OK
