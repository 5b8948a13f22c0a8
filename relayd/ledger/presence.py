"""Being in the database: a boot is registered, beats, and says when it is over."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

import attrs
import trio

from relayd import logs
from relayd.database.ports import Database
from relayd.errors import DatabaseUnavailable
from relayd.ledger import sweeper

__all__ = ["Presence"]

log = logs.get(__name__)

# For the last word to the database at the end; without it another boot finds out by itself.
FAREWELL_SECONDS: Final = 5


@attrs.define(eq=False)
class Presence:
    """One boot, for as long as it is entered by `kept`."""

    database: Database
    boot_id: UUID
    heartbeat_seconds: float
    host: str = attrs.field(factory=socket.gethostname)
    # Whether the database knows that this boot is over.
    farewell_said: bool = False

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[trio.Nursery]:
        """Be registered and beat; what else lives as long may run in the nursery.

        Leaving it says that this boot is over; whoever is cancelled from outside says so too.
        """
        await sweeper.register_boot(self.database, self.boot_id, self.host)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(
                    sweeper.run_heartbeat, self.database, self.boot_id, self.heartbeat_seconds
                )
                yield nursery
                nursery.cancel_scope.cancel()
        finally:
            with trio.move_on_after(FAREWELL_SECONDS, shield=True):
                await self._say_goodbye()

    async def _say_goodbye(self) -> None:
        try:
            await sweeper.end_boot(self.database, self.boot_id)
        except DatabaseUnavailable as error:
            log.warning("the end of this daemon could not be recorded", problem=str(error))
        else:
            self.farewell_said = True
