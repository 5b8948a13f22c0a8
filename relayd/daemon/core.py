"""What a daemon is without its sockets: a boot that beats, its sessions, and their settling.

It stands on ports alone: where its boot is recorded, a clock, and ids come from outside. So several
of them can run in one process, on one ledger and in virtual time, and play every fault again.
"""

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
from relayd.session.registry import Sessions

__all__ = ["Core"]

log = logs.get(__name__)

# For the last word to the database at the end; without it another daemon finds out by itself.
FAREWELL_SECONDS: Final = 5


@attrs.define(eq=False)
class Core:
    """One boot and its sessions, for as long as it is entered by `running`."""

    database: Database
    sessions: Sessions
    boot_id: UUID
    heartbeat_seconds: float
    host: str = attrs.field(factory=socket.gethostname)
    # Whether the database knows that this boot is over.
    farewell_said: bool = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Be in the database, beat, and settle late what could not be settled in time.

        Leaving it says that this boot is over; whoever is cancelled from outside says so too.
        """
        await sweeper.register_boot(self.database, self.boot_id, self.host)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(
                    sweeper.run_heartbeat, self.database, self.boot_id, self.heartbeat_seconds
                )
                nursery.start_soon(self.sessions.settle_late)
                yield
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
