"""Objects of the store that nothing refers to: what a process that died in between left behind."""

import datetime as dt
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from relayd import logs
from relayd.database.ports import Connection, Database
from relayd.storage.ports import Store

__all__ = ["sweep_orphans"]

log = logs.get(__name__)

_FOLDERS: Final = ("audio", "results")
# Whoever put an object has long said so by then, or never will.
_OLD: Final = dt.timedelta(days=2)
_AT_ONCE: Final = 500


async def sweep_orphans(database: Database, store: Store, now: dt.datetime) -> int:
    """Remove them; how many. Raises StorageUnavailable, DatabaseUnavailable."""
    removed = 0
    for folder in _FOLDERS:
        listed = await store.list(folder)
        old = [one.key for one in listed if one.changed_at < now - _OLD]
        for start in range(0, len(old), _AT_ONCE):
            orphans = await database.transact(_orphans, old[start : start + _AT_ONCE])
            await store.delete(orphans)
            removed += len(orphans)
    if removed:
        log.info("orphans removed from the store", objects=removed)
    return removed


def _orphans(connection: Connection, keys: Sequence[str]) -> list[str]:
    """Those of these that no recording names."""
    owners = {key: owner for key in keys if (owner := _owner(key)) is not None}
    rows = connection.execute(
        "SELECT source, result FROM transcriptions WHERE id = ANY (%s)",
        (list(set(owners.values())),),
    ).fetchall()
    named = {key for row in rows for key in row}
    # What bears no recording's name was put there by somebody else.
    return [key for key in owners if key not in named]


def _owner(key: str) -> UUID | None:
    """The recording that an object's key names: audio/ID, results/ID.ATTEMPT.json."""
    try:
        return UUID(key.partition("/")[2].partition(".")[0])
    except ValueError:
        return None
