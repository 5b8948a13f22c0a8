"""Files that come in several requests: room for the whole is taken first, and what is there stays.

One is written by one request at a time, in whatever process: the kernel's lock on the file says so,
and is gone with a process that dies.
"""

import fcntl
import os
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import attrs

from relayd.errors import UploadBusy
from relayd.storage.spool import WRITE_BYTES, Spool, private_folder

__all__ = ["Resumable", "ResumableFile"]

_SUFFIX: Final = ".upload"
# A file is there a moment before its upload is recorded.
_NEW_SECONDS: Final = 3600


@attrs.define(eq=False)
class ResumableFile:
    """One of them, held by this request. ``offset_bytes``: so many were written."""

    path: Path
    _spool: Spool
    _descriptor: int
    offset_bytes: int = 0
    _gathered: bytearray = attrs.field(factory=bytearray)

    @property
    def taken_bytes(self) -> int:
        """All that came, written or not."""
        return self.offset_bytes + len(self._gathered)

    async def write(self, part: bytes) -> None:
        """Take some bytes. Raises `StorageUnavailable`."""
        self._gathered += part
        if len(self._gathered) >= WRITE_BYTES:
            await self._spool.in_thread(self._write)

    async def sync(self) -> int:
        """See that all that came is there after a power failure; how much that is in all."""
        await self._spool.in_thread(self._sync)
        return self.offset_bytes

    @asynccontextmanager
    async def named_apart(self) -> AsyncIterator[Path]:
        """The same file under another name, which may be taken away; gone when left."""
        path = self.path.with_name(f"{uuid4()}.part")
        await self._spool.in_thread(os.link, self.path, path)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def _sync(self) -> None:
        self._write()
        os.fdatasync(self._descriptor)

    def _write(self) -> None:
        gathered, self._gathered = self._gathered, bytearray()
        view = memoryview(gathered)
        while view:
            written = os.pwrite(self._descriptor, view, self.offset_bytes)
            self.offset_bytes += written
            view = view[written:]


@attrs.frozen
class Resumable:
    """Those of a spool. Everything raises `StorageFull` or `StorageUnavailable`."""

    spool: Spool

    async def create(self, upload_id: UUID, size_bytes: int) -> None:
        """Make one with room for so many bytes; nothing is left where there is none."""
        await self.spool.in_thread(self._create, self._path(upload_id), size_bytes)

    async def adopt(self, upload_id: UUID, path: Path) -> None:
        """Have a whole file of the spool's disk as one. Raises `UploadBusy` where there is one."""

        def adopt() -> bool:
            try:
                os.link(path, self._path(upload_id))
            except FileExistsError:
                return False
            return True

        if not await self.spool.in_thread(adopt):
            raise UploadBusy("another request takes this file over")

    @asynccontextmanager
    async def held(self, upload_id: UUID) -> AsyncIterator[ResumableFile]:
        """Hold one, to go on behind as many bytes as the caller says.

        Raises `UploadBusy` where another request does, `ObjectMissing` where it isn't there.
        """
        path = self._path(upload_id)
        descriptor = await self.spool.in_thread(_lock, path)
        if descriptor is None:
            raise UploadBusy("another request writes this file")
        try:
            yield ResumableFile(path, self.spool, descriptor)
        finally:
            os.close(descriptor)

    async def remove(self, upload_ids: Collection[UUID]) -> None:
        """See that none of these is there."""

        def remove() -> None:
            for upload_id in upload_ids:
                self._path(upload_id).unlink(missing_ok=True)

        await self.spool.in_thread(remove)

    async def there(self) -> list[UUID]:
        """Those that are there and not quite new."""
        return await self.spool.in_thread(self._there)

    def _there(self) -> list[UUID]:
        found = []
        for path in self.spool.directory.glob(f"*{_SUFFIX}"):
            try:
                if path.stat().st_ctime < time.time() - _NEW_SECONDS:
                    found.append(UUID(path.name.removesuffix(_SUFFIX)))
            except (FileNotFoundError, ValueError):
                continue
        return found

    def _create(self, path: Path, size_bytes: int) -> None:
        private_folder(path.parent)
        self.spool.make_sure(size_bytes)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, size_bytes)
            os.fsync(descriptor)
        except OSError:
            path.unlink()
            raise
        finally:
            os.close(descriptor)

    def _path(self, upload_id: UUID) -> Path:
        return self.spool.directory / f"{upload_id}{_SUFFIX}"


def _lock(path: Path) -> int | None:
    """Its descriptor, locked; None where somebody else holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
