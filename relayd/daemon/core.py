"""What a daemon is without its sockets: a boot that beats, its sessions, and their settling.

It stands on ports alone: where its boot is recorded, a clock, and ids come from outside. So several
of them can run in one process, on one ledger and in virtual time, and play every fault again.
"""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import attrs

from relayd.database.ports import Database
from relayd.ledger.presence import Presence
from relayd.session.registry import Sessions

__all__ = ["Core"]


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
        presence = Presence(self.database, self.boot_id, self.heartbeat_seconds, self.host)
        try:
            async with presence.kept() as nursery:
                nursery.start_soon(self.sessions.settle_late)
                yield
        finally:
            self.farewell_said = presence.farewell_said
