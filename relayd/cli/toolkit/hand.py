"""Whose hand it is: options of the commands that move money by hand, and what becomes of them."""

import argparse
import os
import pwd
import sys
from typing import TYPE_CHECKING

from relayd.cli.toolkit.operator import find_user
from relayd.errors import OperatorError

if TYPE_CHECKING:
    from relayd.accounts.operators import Hand, OperatorRefusal
    from relayd.accounts.outcomes import Delayed
    from relayd.config import Config
    from relayd.database.ports import Database

__all__ = ["add_hand", "hand_of", "refused"]


def add_hand(command: argparse.ArgumentParser) -> None:
    """Add the options."""
    who = command.add_argument_group("who does it")
    who.add_argument(
        "--operator",
        metavar="EMAIL",
        default=os.environ.get("RELAYD_OPERATOR") or None,
        help="your own account, of an operator (else RELAYD_OPERATOR); needed where "
        "auth.operator_second_factor is on",
    )
    who.add_argument(
        "--code",
        default="",
        help="a code of your authenticator app, or a recovery code; asked for on a terminal",
    )


async def hand_of(database: "Database", config: "Config", arguments: argparse.Namespace) -> "Hand":
    """Who they say they are; a code that is wanted is asked for. Raises OperatorError."""
    import trio

    from relayd.accounts.operators import Hand

    if not arguments.operator:
        if arguments.code:
            raise OperatorError("whose code is it? Name your account with --operator")
        return Hand(login=_login())
    operator = await find_user(database, config, arguments.operator)
    code = arguments.code
    if not code and config.auth.operator_second_factor and sys.stdin.isatty():
        question = f"code of the authenticator app of {operator.email}: "
        code = await trio.to_thread.run_sync(input, question)
    return Hand(operator.id, code, _login())


def refused(outcome: "OperatorRefusal | Delayed", arguments: argparse.Namespace) -> OperatorError:
    """What is told of what a hand was not allowed to do."""
    from relayd.accounts.outcomes import Delayed

    if isinstance(outcome, Delayed):
        why = f"too many wrong codes; wait {outcome.seconds:.0f} s"
    else:
        why = _wording(outcome, arguments.operator)
    return OperatorError(f"nothing was done: {why}")


def _wording(refusal: "OperatorRefusal", email: str | None) -> str:
    from relayd.accounts.operators import OperatorRefusal

    match refusal:
        case OperatorRefusal.UNNAMED:
            return (
                "auth.operator_second_factor is on: name your own operator's account with "
                "--operator"
            )
        case OperatorRefusal.NO_OPERATOR:
            return f"{email} is no operator, or disabled; see relayd user operator --help"
        case OperatorRefusal.NO_SECOND_FACTOR:
            return f"{email} has no second factor; set one up on the account page"
        case OperatorRefusal.CODE_NEEDED:
            return "a code of your authenticator app is needed: add --code"
        case OperatorRefusal.WRONG_CODE:
            return "the code is wrong, or was used before: wait for the next one"


def _login() -> str:
    """Who runs this, on the machine."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = f"uid {os.getuid()}"
    became = os.environ.get("SUDO_USER")
    return f"{became} as {name}" if became else name
