"""`relayd keys`: the keys of programs, as the operator sees them. No key stands in argv."""

import argparse
import datetime as dt
import uuid
from typing import TYPE_CHECKING, Any, Final

from relayd.cli.toolkit.exits import Exit
from relayd.cli.toolkit.hand import add_hand, hand_of, refused
from relayd.cli.toolkit.operator import accounts, find_user, run
from relayd.cli.toolkit.options import Subparsers, add_command, add_config, add_group, add_json
from relayd.cli.toolkit.output import print_json, print_table, say
from relayd.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from relayd.config import Config
    from relayd.database.ports import Database
    from relayd.keys.keys import Keys
    from relayd.keys.outcomes import ApiKey, KeyRefusal, MadeKey, WantedKey

__all__ = ["add"]

_SCOPES: Final = ("live", "batch", "read", "admin")
_USUAL: Final = ("live", "batch", "read")
_DAYS_MAX: Final = 3650


def add(subparsers: Subparsers) -> None:
    """Register `keys list`, `create` and `revoke`."""
    group = add_group(
        subparsers,
        "keys",
        summary="list, create and revoke API keys",
        details=(
            "Keys with which programs come in, instead of a sign-in. Users make their own on the\n"
            "dashboard; a key with the scope admin is made here alone."
        ),
    )
    _add_list(group)
    _add_create(group)
    _add_revoke(group)


def _add_list(group: Subparsers) -> None:
    command = add_command(
        group,
        "list",
        _run_list,
        summary="list a user's keys",
        details="List every key of an account, newest first, those that are over too.",
        examples="  relayd keys list ada@example.org",
    )
    command.add_argument("email", metavar="EMAIL", help="the account's address")
    add_config(command)
    add_json(command)


def _add_create(group: Subparsers) -> None:
    command = add_command(
        group,
        "create",
        _run_create,
        summary="make a key for a user",
        details=(
            "Make a key and print it. It is shown this once: nobody can say it again. Without\n"
            "--scope it opens live streams, hands in recordings and reads them. The scope admin\n"
            "sees what is everybody's, and where its account is an operator's adjusts credit and\n"
            "keeps accounts out: make such a key for an account of your own. It leaves a row in\n"
            "the operators' trail, and where auth.operator_second_factor is on takes a code."
        ),
        examples=(
            "  relayd keys create ada@example.org --name transcriber\n"
            "  relayd keys create ada@example.org --name reports --scope read --days 30\n"
            "  relayd keys create ada@example.org --name ci --test\n"
            "  relayd keys create ops@example.org --name autoscaler --scope admin"
        ),
    )
    command.add_argument("email", metavar="EMAIL", help="the account's address")
    command.add_argument("--name", required=True, help="what people tell it from others by")
    command.add_argument(
        "--scope",
        action="append",
        choices=_SCOPES,
        help="what it is good for; may be given several times",
    )
    command.add_argument(
        "--days", type=_days, metavar="N", help="it expires after so many days (default: never)"
    )
    command.add_argument(
        "--test", action="store_true", help="it only pretends: words that nobody said, no charge"
    )
    add_hand(command)
    add_config(command)
    add_json(command)


def _add_revoke(group: Subparsers) -> None:
    command = add_command(
        group,
        "revoke",
        _run_revoke,
        summary="end a key for good",
        details=(
            "End a key. It is refused at once, its live streams end within\n"
            "metering.flush_seconds, and its recordings that have not ended are called off."
        ),
        examples="  relayd keys revoke 0b0a1b7e-3c6b-4a0f-8f59-2f6c4f1d7e22",
    )
    command.add_argument("id", metavar="ID", type=_id, help="the key's id, as `list` has it")
    add_config(command)
    add_json(command)


def _run_list(arguments: argparse.Namespace) -> int:
    async def action(database: "Database", config: "Config") -> "Sequence[ApiKey]":
        user = await find_user(database, config, arguments.email)
        return await _keys(database, config).of_user(user.id)

    rows = [_row(key) for key in run(arguments, action)]
    if arguments.json:
        print_json(rows)
    else:
        for row in rows:
            row["scopes"] = " ".join(row["scopes"])
        print_table(rows, empty=f"{arguments.email} has no keys")
    return Exit.OK


def _run_create(arguments: argparse.Namespace) -> int:
    from relayd.keys.outcomes import NAME_CHARACTERS, KeyRefusal

    name = arguments.name.strip()
    if not 1 <= len(name) <= NAME_CHARACTERS or not name.isprintable():
        raise OperatorError(f"a key's name has 1 to {NAME_CHARACTERS} printable characters")
    if arguments.test and "admin" in (arguments.scope or ()):
        raise OperatorError("a test key can't have the scope admin, which sees what is real")

    async def action(database: "Database", config: "Config") -> "MadeKey | KeyRefusal":
        from relayd.identity import Scope
        from relayd.keys.outcomes import WantedKey

        user = await find_user(database, config, arguments.email)
        scopes = frozenset(Scope(name) for name in arguments.scope or _USUAL)
        expires_at = arguments.days and dt.datetime.now(dt.UTC) + arguments.days
        wanted = WantedKey(user.id, name, scopes, arguments.test, expires_at)
        if Scope.ADMIN in scopes:
            return await _make_by_hand(database, config, arguments, wanted)
        return await _keys(database, config).make(wanted)

    made = run(arguments, action)
    if isinstance(made, KeyRefusal):
        raise OperatorError(f"no key was made: {made.value}")
    if arguments.json:
        print_json({**_row(made.key), "key": made.text})
    else:
        say(made.text)
    return Exit.OK


async def _make_by_hand(
    database: "Database", config: "Config", arguments: argparse.Namespace, wanted: "WantedKey"
) -> "MadeKey | KeyRefusal":
    """A key that sees what is everybody's: it leaves a row of who made it."""
    from relayd.accounts.operators import MAKE_ADMIN_KEY, Deed
    from relayd.keys import rows
    from relayd.keys.outcomes import ApiKey, KeyRefusal, MadeKey

    keys = _keys(database, config)
    fresh = keys.spelling.make(test=False)
    hand = await hand_of(database, config, arguments)
    made = await accounts(database, config).operators.act(
        hand,
        Deed(MAKE_ADMIN_KEY, wanted.user_id, wanted.name, reference=fresh.hint),
        lambda connection: rows.insert_key(connection, wanted, fresh, keys.per_user_max),
    )
    if isinstance(made, ApiKey):
        return MadeKey(made, fresh.text)
    if isinstance(made, KeyRefusal):
        return made
    raise refused(made, arguments)


def _run_revoke(arguments: argparse.Namespace) -> int:
    async def action(database: "Database", config: "Config") -> "ApiKey | None":
        return await _keys(database, config).revoke(arguments.id, None)

    revoked = run(arguments, action)
    if revoked is None:
        raise OperatorError(f"there is no key {arguments.id}; `relayd keys list` shows them")
    if arguments.json:
        print_json(_row(revoked))
    else:
        say(f"{revoked.name} ({revoked.hint}) is revoked")
    return Exit.OK


def _keys(database: "Database", config: "Config") -> "Keys":
    from relayd.keys.keys import Keys
    from relayd.keys.spelling import Spelling

    return Keys(database, Spelling(config.keys.prefix), config.keys.per_user)


def _row(key: "ApiKey") -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "hint": key.hint,
        "scopes": sorted(scope.value for scope in key.scopes),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "revoked_at": key.revoked_at,
    }


def _days(text: str) -> dt.timedelta:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= _DAYS_MAX):
        raise argparse.ArgumentTypeError(f"must be days from 1 to {_DAYS_MAX}, not {text}")
    return dt.timedelta(days=int(text))


def _id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a key's id, not {text!r}") from None
