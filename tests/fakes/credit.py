"""A user's credit in memory, read the way streams of it read the database."""

from uuid import UUID

import attrs
import trio.lowlevel

from relayd.errors import DatabaseUnavailable
from relayd.events.credit import Credit

__all__ = ["MemoryCredit"]


@attrs.define(eq=False)
class MemoryCredit:
    """Implements `relayd.events.credit.Reader`; everybody has the same."""

    credit: Credit | None = attrs.field(factory=lambda: Credit(balance_ms=61_500, sessions=0))
    reachable: bool = True
    # When it was read, and whether being told was asked for.
    reads: list[tuple[float, bool]] = attrs.field(factory=list)

    async def watch(self, user_id: UUID) -> Credit | None:
        """Read it, and be told from then on."""
        return await self._read(watched=True)

    async def read(self, user_id: UUID) -> Credit | None:
        """Read it once more."""
        return await self._read(watched=False)

    async def _read(self, *, watched: bool) -> Credit | None:
        await trio.lowlevel.checkpoint()
        if not self.reachable:
            raise DatabaseUnavailable("no database")
        self.reads.append((trio.current_time(), watched))
        return self.credit
