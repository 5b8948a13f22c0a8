"""`relayd user`: accounts, as the operator sees them. A password never stands in argv."""

import argparse
import sys
from typing import TYPE_CHECKING, Any

from relayd.cli import second_factor, user_operator
from relayd.cli.toolkit.exits import Exit
from relayd.cli.toolkit.operator import accounts, find_user, run
from relayd.cli.toolkit.options import Subparsers, add_command, add_config, add_group, add_json
from relayd.cli.toolkit.output import print_json, print_table, say
from relayd.durations import seconds
from relayd.errors import OperatorError

if TYPE_CHECKING:
    from relayd.accounts.outcomes import ChangeRefusal, RegisterRefusal, User
    from relayd.config import Config
    from relayd.database.ports import Database

__all__ = ["add"]


def add(subparsers: Subparsers) -> None:
    """Register `user` and its commands."""
    group = add_group(
        subparsers,
        "user",
        summary="add, list, disable and delete accounts, change passwords, reset second factors",
        details="Accounts. Every change is seen by running daemons.",
    )
    _add_add(group)
    _add_list(group)
    _add_disable(group)
    _add_enable(group)
    _add_password(group)
    second_factor.add(group)
    user_operator.add(group)
    _add_delete(group)


def _add_add(group: Subparsers) -> None:
    command = add_command(
        group,
        "add",
        _run_add,
        summary="make an account",
        details=(
            "Make an account without credit. The password is asked for, or read from standard\n"
            "input; it has 8 characters or more."
        ),
        examples=(
            "  relayd user add ada@example.org\n"
            "  pass show relayd/ada | relayd user add ada@example.org --password-stdin"
        ),
    )
    _add_email(command)
    _add_password_stdin(command)


def _add_list(group: Subparsers) -> None:
    command = add_command(
        group,
        "list",
        _run_list,
        summary="list accounts",
        details="List every account by address, with when it was made and disabled.",
        examples="  relayd user list\n  relayd user list --json | jq -r '.[].email'",
    )
    add_config(command)
    add_json(command)


def _add_disable(group: Subparsers) -> None:
    command = add_command(
        group,
        "disable",
        _run_disable,
        summary="keep a user out",
        details=(
            "Refuse the user's logins, end every sign-in, and live sessions at their next\n"
            "renewal (metering.flush_seconds). Credit stays."
        ),
        examples="  relayd user disable ada@example.org",
    )
    _add_email(command)


def _add_enable(group: Subparsers) -> None:
    command = add_command(
        group,
        "enable",
        _run_enable,
        summary="let a disabled user in again",
        details="Accept the user's logins again. Sign-ins that were ended stay ended.",
        examples="  relayd user enable ada@example.org",
    )
    _add_email(command)


def _add_password(group: Subparsers) -> None:
    command = add_command(
        group,
        "password",
        _run_password,
        summary="change a user's password",
        details="Set a new password and end every sign-in of the user.",
        examples="  relayd user password ada@example.org",
    )
    _add_email(command)
    _add_password_stdin(command)


def _add_delete(group: Subparsers) -> None:
    command = add_command(
        group,
        "delete",
        _run_delete,
        summary="delete an account for good",
        details=(
            "Take the person out of the account: address, password and the addresses that\n"
            "sessions came from. Sign-ins end at once, live sessions at their next renewal\n"
            "(metering.flush_seconds). Credit that is left is lost. The ledger, purchases and\n"
            "sessions stay, under a name that says nothing; the customer at Stripe stays too.\n"
            "Without --yes nothing is deleted, and what would be lost is said."
        ),
        examples=(
            "  relayd user delete ada@example.org\n  relayd user delete ada@example.org --yes"
        ),
    )
    _add_email(command)
    command.add_argument("--yes", action="store_true", help="delete it: this can't be undone")


def _add_email(command: argparse.ArgumentParser) -> None:
    command.add_argument("email", metavar="EMAIL", help="the account's address")
    add_config(command)
    add_json(command)


def _add_password_stdin(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--password-stdin",
        action="store_true",
        help="read the password from the first line of standard input",
    )


def _run_add(arguments: argparse.Namespace) -> int:
    password = _read_password(arguments)

    async def action(database: "Database", config: "Config") -> "User | RegisterRefusal":
        return await accounts(database, config).add(arguments.email, password)

    return _answer(arguments, run(arguments, action), "added")


def _run_list(arguments: argparse.Namespace) -> int:
    async def action(database: "Database", config: "Config") -> "list[User]":
        books, users = accounts(database, config), list[User]()
        while page := await books.list(users[-1].email if users else ""):
            users.extend(page)
        return users

    from relayd.accounts.outcomes import User

    rows = [_row(one) for one in run(arguments, action)]
    if arguments.json:
        print_json(rows)
    else:
        print_table(rows, empty="no accounts; make one with: relayd user add EMAIL")
    return Exit.OK


def _run_disable(arguments: argparse.Namespace) -> int:
    async def action(database: "Database", config: "Config") -> "User | ChangeRefusal":
        return await accounts(database, config).disable(arguments.email)

    return _answer(arguments, run(arguments, action), "disabled")


def _run_enable(arguments: argparse.Namespace) -> int:
    async def action(database: "Database", config: "Config") -> "User | ChangeRefusal":
        return await accounts(database, config).enable(arguments.email)

    return _answer(arguments, run(arguments, action), "enabled")


def _run_password(arguments: argparse.Namespace) -> int:
    password = _read_password(arguments)

    async def action(database: "Database", config: "Config") -> "User | ChangeRefusal":
        return await accounts(database, config).set_password(arguments.email, password)

    return _answer(arguments, run(arguments, action), "changed the password of")


def _run_delete(arguments: argparse.Namespace) -> int:
    async def action(database: "Database", config: "Config") -> "User | ChangeRefusal":
        if not arguments.yes:
            raise OperatorError(await _loss(database, config, arguments.email))
        return await accounts(database, config).delete(arguments.email)

    return _answer(arguments, run(arguments, action), f"deleted {arguments.email}, who is now")


async def _loss(database: "Database", config: "Config", email: str) -> str:
    """What deleting would cost, and how to go on. Raises OperatorError for nobody's address."""
    from relayd.ledger.wallet import Wallet

    user = await find_user(database, config, email)
    has = await Wallet(database).balance(user.id)
    left = 0 if has is None else seconds(has.balance_ms)
    return (
        f"nothing was deleted: {user.email} has {left:.10g} s of credit, which would be lost for "
        "good; to go on, add --yes"
    )


def _read_password(arguments: argparse.Namespace) -> str:
    """From a prompt, twice, or from standard input, once. Raises OperatorError."""
    import getpass

    if arguments.password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif not sys.stdin.isatty():
        raise OperatorError("there is no terminal to ask for a password: use --password-stdin")
    else:
        password = getpass.getpass("Password: ")
        if password != getpass.getpass("Again: "):
            raise OperatorError("the two passwords differ: nothing was changed")
    if not password:
        raise OperatorError("the password is empty: nothing was changed")
    return password


def _answer(
    arguments: argparse.Namespace, outcome: "User | RegisterRefusal | ChangeRefusal", done: str
) -> int:
    from relayd.accounts.outcomes import User

    if not isinstance(outcome, User):
        raise OperatorError(_wording(outcome, arguments.email))
    if arguments.json:
        print_json(_row(outcome))
    else:
        say(f"{done} {outcome.email}")
    return Exit.OK


def _wording(refusal: "RegisterRefusal | ChangeRefusal", email: str) -> str:
    from relayd.accounts.outcomes import ChangeRefusal, RegisterRefusal
    from relayd.accounts.proving.passwords import PASSWORD_MAX, PASSWORD_MIN

    match refusal:
        case RegisterRefusal.INVALID_EMAIL:
            return f"{email!r} is not an email address"
        case RegisterRefusal.EMAIL_TAKEN:
            return f"{email} has an account already"
        case ChangeRefusal.UNKNOWN_USER:
            return f"{email} has no account; `relayd user list` shows them"
        case RegisterRefusal.INVALID_PASSWORD | ChangeRefusal.INVALID_PASSWORD:
            return (
                f"the password must have {PASSWORD_MIN} to {PASSWORD_MAX} characters; common ones "
                "and the address are refused"
            )
        case RegisterRefusal.BUSY | ChangeRefusal.BUSY:
            return "too many passwords are being hashed right now: try again"


def _row(user: "User") -> dict[str, Any]:
    return {
        "email": user.email,
        "id": user.id,
        "created_at": user.created_at,
        "disabled_at": user.disabled_at,
        "email_proven_at": user.email_proven_at,
    }
