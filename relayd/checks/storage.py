"""Whether recordings could be kept: the folder where they come in, and the object store.

Nothing is made that a daemon would make: a folder that belongs to whoever ran the check would be of
no use to it.
"""

import os
import shutil
from pathlib import Path
from uuid import uuid4

from relayd.checks.finding import Finding
from relayd.config import Config
from relayd.errors import ConfigError, ObjectMissing, StorageUnavailable
from relayd.storage.opening import folder_of, open_storage
from relayd.storage.ports import Store

__all__ = ["judge", "reach"]

_KEYS = "storage.access_key, storage.secret_key and what they may do"


def judge(config: Config) -> Finding:
    """The folder on this machine: whether this user can write there, and whether there is room."""
    folder = folder_of(config.storage.url, config.files_directory) or config.files_directory
    there = _nearest(folder)
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return Finding(
            "storage",
            False,
            f"recordings can't be kept in {folder}: {_why(there)}",
            "name a directory in storage.directory that the user of relayd may write to",
        )
    free, floor = shutil.disk_usage(there).free, config.storage.floor_bytes
    detail = f"{folder}, {free >> 20} MiB free"
    if free < floor:
        return Finding(
            "storage",
            False,
            f"{detail}: recordings are refused, {floor >> 20} MiB are left to others",
            "make room, name another disk in storage.directory, or lower storage.floor_bytes",
        )
    return Finding("storage", True, detail)


async def reach(config: Config) -> Finding | None:
    """The object store: something is put there, read, found and removed. None where none is."""
    url = config.storage.url
    if folder_of(url, config.files_directory) is not None:
        return None
    try:
        await _try(open_storage(config.storage, config.files_directory).store)
    except ConfigError as problem:
        return Finding("store", False, str(problem))
    except ObjectMissing:
        return Finding("store", False, f"{url}: there is no such bucket", "make it")
    except StorageUnavailable as problem:
        remedy = f"is the network open, and are storage.url, storage.endpoint, {_KEYS} right?"
        return Finding("store", False, f"{url}: {problem}", remedy)
    return Finding("store", True, url)


async def _try(store: Store) -> None:
    key = f"check/{uuid4()}"
    await store.put(key, b"relayd check")
    await store.read(key)
    await store.list("check")
    await store.delete([key])


def _nearest(path: Path) -> Path:
    """It, or the first above it that is there: where it would be made."""
    return next(one for one in (path, *path.parents) if _exists(one))


def _exists(path: Path) -> bool:
    # What is below a folder that we may not enter raises.
    try:
        return path.exists()
    except PermissionError:
        return False


def _why(there: Path) -> str:
    return f"{there} {'is not writable' if there.is_dir() else 'is not a directory'}"
