"""The rows of uploads, and the transactions on them."""

import datetime as dt
from collections.abc import Collection
from typing import Final
from uuid import UUID

import attrs

from relayd.database.ports import Connection, Database

__all__ = ["Begun", "Upload", "UploadRows"]

_COLUMNS: Final = "id, user_id, name, size_bytes, offset_bytes, expires_at"


@attrs.frozen
class Begun:
    """A file that is to come. The recording that it becomes has its id."""

    id: UUID
    user_id: UUID
    name: str
    size_bytes: int


@attrs.frozen
class Upload(Begun):
    """One of which so many bytes are there for good; given up at ``expires_at``."""

    offset_bytes: int
    expires_at: dt.datetime

    @property
    def complete(self) -> bool:
        """Whether all of it is there."""
        return self.offset_bytes == self.size_bytes


@attrs.frozen
class UploadRows:
    """Every call is one transaction and raises `DatabaseUnavailable`."""

    database: Database

    async def create(self, asked: Begun, seconds: float, most: int) -> Upload | None:
        """Record one, given up after so many seconds; None where its owner has ``most`` already."""
        return await self.database.transact(_create, asked, seconds, most)

    async def find(self, user_id: UUID, upload_id: UUID) -> Upload | None:
        """One's own that wasn't given up."""
        return await self.database.transact(_find, user_id, upload_id)

    async def advance(self, upload_id: UUID, offset_bytes: int, seconds: float) -> Upload | None:
        """So many bytes are there for good, and it has more time; None where it is gone."""
        return await self.database.transact(_advance, upload_id, offset_bytes, seconds)

    async def forget(self, user_id: UUID, upload_id: UUID) -> bool:
        """Remove one's own; whether it was there."""
        return await self.database.transact(_forget, user_id, upload_id)

    async def expire(self) -> int:
        """Remove those that nobody went on with; how many."""
        return await self.database.transact(_expire)

    async def recorded(self, upload_ids: Collection[UUID]) -> set[UUID]:
        """Those of these that there are."""
        return await self.database.transact(_recorded, upload_ids)

    async def deleted(self, user_ids: Collection[UUID]) -> set[UUID]:
        """Those of these users whose accounts were deleted."""
        return await self.database.transact(_deleted, user_ids)


def _create(connection: Connection, asked: Begun, seconds: float, most: int) -> Upload | None:
    # One at a time for each user, so that they are counted exactly.
    connection.execute("SELECT FROM users WHERE id = %s FOR NO KEY UPDATE", (asked.user_id,))
    row = connection.execute(
        f"""
        INSERT INTO uploads (id, user_id, name, size_bytes, expires_at)
        SELECT %(id)s, %(user)s, %(name)s, %(size)s, now() + make_interval(secs => %(seconds)s)
        WHERE (
            SELECT count(*) FROM uploads WHERE user_id = %(user)s AND expires_at > now()
        ) < %(most)s
        RETURNING {_COLUMNS}
        """,  # noqa: S608 - the columns are a constant
        {
            "id": asked.id,
            "user": asked.user_id,
            "name": asked.name,
            "size": asked.size_bytes,
            "seconds": seconds,
            "most": most,
        },
    ).fetchone()
    return None if row is None else Upload(*row)


def _find(connection: Connection, user_id: UUID, upload_id: UUID) -> Upload | None:
    row = connection.execute(
        f"""
        SELECT {_COLUMNS} FROM uploads WHERE id = %s AND user_id = %s AND expires_at > now()
        """,  # noqa: S608
        (upload_id, user_id),
    ).fetchone()
    return None if row is None else Upload(*row)


def _advance(
    connection: Connection, upload_id: UUID, offset_bytes: int, seconds: float
) -> Upload | None:
    row = connection.execute(
        f"""
        UPDATE uploads
        SET offset_bytes = %s, expires_at = now() + make_interval(secs => %s)
        WHERE id = %s RETURNING {_COLUMNS}
        """,  # noqa: S608
        (offset_bytes, seconds, upload_id),
    ).fetchone()
    return None if row is None else Upload(*row)


def _forget(connection: Connection, user_id: UUID, upload_id: UUID) -> bool:
    found = connection.execute(
        "DELETE FROM uploads WHERE id = %s AND user_id = %s", (upload_id, user_id)
    )
    return found.rowcount == 1


def _expire(connection: Connection) -> int:
    return connection.execute("DELETE FROM uploads WHERE expires_at <= now()").rowcount


def _recorded(connection: Connection, upload_ids: Collection[UUID]) -> set[UUID]:
    rows = connection.execute(
        "SELECT id FROM uploads WHERE id = ANY (%s)", (list(upload_ids),)
    ).fetchall()
    return {row[0] for row in rows}


def _deleted(connection: Connection, user_ids: Collection[UUID]) -> set[UUID]:
    rows = connection.execute(
        "SELECT id FROM users WHERE id = ANY (%s) AND deleted_at IS NOT NULL", (list(user_ids),)
    ).fetchall()
    return {row[0] for row in rows}
