"""What a daemon does beside serving, each in a loop of its own, for as long as it runs."""

from typing import Final

import trio

from relayd import logs
from relayd.accounts.accounts import Accounts
from relayd.database.ports import Database
from relayd.errors import DatabaseUnavailable
from relayd.events.credit import forget_old

__all__ = ["prune"]

log = logs.get(__name__)

# Between two removals of expired sign-ins.
PRUNE_SECONDS: Final = 600


async def prune(accounts: Accounts, database: Database) -> None:
    """Remove expired sign-ins and such, a bounded number at a time, until cancelled."""
    while True:
        try:
            removed = await accounts.prune()
            await database.transact(forget_old)
        except DatabaseUnavailable as error:
            log.warning("expired sign-ins not removed", problem=str(error))
        else:
            if removed:
                log.info("expired sign-ins removed", count=removed)
        await trio.sleep(PRUNE_SECONDS)
