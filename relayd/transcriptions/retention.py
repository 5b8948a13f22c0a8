"""What is over goes: abandoned uploads, results kept long enough, whose account is gone."""

from typing import Final

import trio

from relayd import logs
from relayd.background import keep
from relayd.database.ports import Connection, Database
from relayd.storage.ports import Store
from relayd.transcriptions import ending

__all__ = ["run_retention"]

log = logs.get(__name__)

# Between two looks, unless there was as much as one look takes.
LOOK_SECONDS: Final = 10.0
# Objects removed from the store at a time.
OBJECTS: Final = 100


async def run_retention(database: Database, store: Store, result_days: float) -> None:
    """Until cancelled. Several may do this at once."""

    async def look() -> None:
        given_up, deleted = await database.transact(ending.expire, result_days)
        deleted += await database.transact(ending.delete_orphans, result_days)
        removed = await _remove_objects(database, store)
        if given_up or deleted or removed:
            # Numbers alone: what was deleted has no name any more.
            log.info("retention", uploads_given_up=given_up, deleted=deleted, objects=removed)
        if removed < OBJECTS:
            await trio.sleep(LOOK_SECONDS)

    await keep("retention", look)


async def _remove_objects(database: Database, store: Store) -> int:
    """Remove from the store what nothing refers to; forgotten once it is gone."""
    keys = await database.transact(_discarded)
    if keys:
        await store.delete(keys)
        await database.transact(_forget, keys)
    return len(keys)


def _discarded(connection: Connection) -> list[str]:
    rows = connection.execute(
        "SELECT key FROM discarded_objects ORDER BY discarded_at LIMIT %s", (OBJECTS,)
    ).fetchall()
    return [row[0] for row in rows]


def _forget(connection: Connection, keys: list[str]) -> None:
    connection.execute("DELETE FROM discarded_objects WHERE key = ANY (%s)", (keys,))
