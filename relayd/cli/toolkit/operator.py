"""A short Trio program around one database action: how operator commands run.

They work beside a running daemon: on PostgreSQL as another client, on the embedded database by
joining the server that the daemon started, or starting it for as long as the command takes.
"""

import argparse
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from relayd.cli.toolkit.options import load
from relayd.cli.toolkit.schema import ready
from relayd.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from relayd.accounts.accounts import Accounts
    from relayd.accounts.outcomes import User
    from relayd.config import Config
    from relayd.database.ports import Database

__all__ = ["accounts", "find_user", "on_configured_url", "opened", "quiet", "run"]

T = TypeVar("T")


def run(arguments: argparse.Namespace, action: "Callable[[Database, Config], Awaitable[T]]") -> T:
    """Do the action on the configured database and return what it returns.

    Raises ConfigError, MigrationRefused, DatabaseUnavailable (perhaps inside a group).
    """
    import trio

    quiet()
    config = load(arguments)

    async def main() -> T:
        async with opened(config) as database:
            await database.transact(ready)
            return await action(database, config)

    return trio.run(main)


def on_configured_url(arguments: argparse.Namespace, action: "Callable[[str, Config], T]") -> T:
    """Do the action, in a thread, with the URL of the configured database; raises as `run`.

    For what uses connections of its own: PostgreSQL's tools.
    """
    import trio

    from relayd.database.opening import configured_url
    from relayd.database.pool import reach

    quiet()
    config = load(arguments)

    async def main() -> T:
        async with configured_url(config.database) as url:
            await reach(config.database, url)
            return await trio.to_thread.run_sync(action, url, config)

    return trio.run(main)


def quiet() -> None:
    """Only warnings are logged, and to standard error: standard output is for the answer."""
    from relayd import logs

    logs.configure("warning", "text", sys.stderr)


@asynccontextmanager
async def opened(config: "Config") -> "AsyncIterator[Database]":
    """The configured database with a small pool."""
    import attrs
    import trio

    from relayd.database.opening import open_configured

    settings = attrs.evolve(config.database, pool_size=1)
    async with open_configured(settings, trio.CapacityLimiter(1)) as database:
        yield database


def accounts(database: "Database", config: "Config") -> "Accounts":
    """The accounts of this database, with the configured secrets."""
    import trio

    from relayd.accounts.accounts import Accounts

    return Accounts.configured(database, config.auth, trio.CapacityLimiter(1), mail=config.mail.on)


async def find_user(database: "Database", config: "Config", email: str) -> "User":
    """The account of this address. Raises OperatorError where there is none."""
    user = await accounts(database, config).find(email)
    if user is None:
        raise OperatorError(f"{email} has no account; `relayd user list` shows them")
    return user
