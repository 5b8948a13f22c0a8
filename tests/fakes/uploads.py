"""Uploads counted in memory, held to the same contract as those in PostgreSQL."""

import datetime as dt
from collections.abc import Collection
from uuid import UUID

import attrs
import trio

from relayd.errors import DatabaseUnavailable
from relayd.intake.upload_rows import Begun, Upload

__all__ = ["MemoryUploads"]


@attrs.define(eq=False)
class MemoryUploads:
    """Implements `relayd.intake.uploads.Records`."""

    rows: dict[UUID, Upload] = attrs.field(factory=dict)
    reachable: bool = True
    # Users whose accounts were deleted.
    gone: set[UUID] = attrs.field(factory=set)

    async def create(self, asked: Begun, seconds: float, most: int) -> Upload | None:
        """See `UploadRows`."""
        await self._reach()
        own = [one for one in self._alive() if one.user_id == asked.user_id]
        if len(own) >= most:
            return None
        made = Upload(**attrs.asdict(asked), offset_bytes=0, expires_at=_later(seconds))
        self.rows[made.id] = made
        return made

    async def find(self, user_id: UUID, upload_id: UUID) -> Upload | None:
        """See `UploadRows`."""
        await self._reach()
        return next(
            (one for one in self._alive() if (one.id, one.user_id) == (upload_id, user_id)), None
        )

    async def advance(self, upload_id: UUID, offset_bytes: int, seconds: float) -> Upload | None:
        """See `UploadRows`."""
        await self._reach()
        if upload_id not in self.rows:
            return None
        self.rows[upload_id] = attrs.evolve(
            self.rows[upload_id], offset_bytes=offset_bytes, expires_at=_later(seconds)
        )
        return self.rows[upload_id]

    async def forget(self, user_id: UUID, upload_id: UUID) -> bool:
        """See `UploadRows`."""
        await self._reach()
        found = self.rows.get(upload_id)
        if found is None or found.user_id != user_id:
            return False
        del self.rows[upload_id]
        return True

    async def expire(self) -> int:
        """See `UploadRows`."""
        await self._reach()
        alive = {one.id: one for one in self._alive()}
        expired = len(self.rows) - len(alive)
        self.rows = alive
        return expired

    async def recorded(self, upload_ids: Collection[UUID]) -> set[UUID]:
        """See `UploadRows`."""
        await self._reach()
        return self.rows.keys() & set(upload_ids)

    async def deleted(self, user_ids: Collection[UUID]) -> set[UUID]:
        """See `UploadRows`."""
        await self._reach()
        return self.gone & set(user_ids)

    def _alive(self) -> list[Upload]:
        now = dt.datetime.now(dt.UTC)
        return [one for one in self.rows.values() if one.expires_at > now]

    async def _reach(self) -> None:
        await trio.lowlevel.checkpoint()
        if not self.reachable:
            raise DatabaseUnavailable("it is away")


def _later(seconds: float) -> dt.datetime:
    return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)
