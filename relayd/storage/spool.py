"""Files on their way in: room is taken before their bytes come, and none outlives its upload.

On the disk and not in memory, in a folder beside the store's; the system's own for temporary files
is memory on many machines.
"""

import hashlib
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar
from uuid import uuid4

import attrs
import trio

from relayd.errors import StorageFull
from relayd.storage.faults import translated

__all__ = ["ABANDONED_SECONDS", "WRITE_BYTES", "Spool", "SpoolFile", "private_folder"]

P = ParamSpec("P")
T = TypeVar("T")

# Gathered before a thread writes them, so that a file of gigabytes takes thousands of switches
# between threads and not hundreds of thousands. Also all that one upload has in memory.
WRITE_BYTES: Final = 1024 * 1024
# Where nobody said how much comes: room taken at a time.
_STEP_BYTES: Final = 64 * 1024 * 1024
# Nothing was written for so long: its process died. Whatever is slower than a part of this has
# been refused long before.
ABANDONED_SECONDS: Final = 6 * 3600


@attrs.define(eq=False)
class SpoolFile:
    """One file, while it comes."""

    path: Path
    _spool: "Spool"
    _descriptor: int
    size_bytes: int = 0
    _reserved_bytes: int = 0
    _gathered: bytearray = attrs.field(factory=bytearray)
    _digest: Any = attrs.field(factory=hashlib.sha256)

    @property
    def taken_bytes(self) -> int:
        """All that came, written or not."""
        return self.size_bytes + len(self._gathered)

    @property
    def sha256(self) -> bytes:
        """Of all that was written."""
        digest: bytes = self._digest.digest()
        return digest

    async def write(self, part: bytes) -> None:
        """Take some bytes. Raises `StorageFull`."""
        self._gathered += part
        if len(self._gathered) >= WRITE_BYTES:
            await self.flush()

    async def flush(self) -> None:
        """Write what was gathered, so that who opens ``path`` reads it."""
        if self._gathered:
            gathered, self._gathered = self._gathered, bytearray()
            await self._spool.in_thread(self._write, gathered)

    async def finish(self) -> None:
        """All has come: room that was taken and not needed is given back."""
        await self.flush()
        await self._spool.in_thread(os.ftruncate, self._descriptor, self.size_bytes)

    def reserve(self, size_bytes: int) -> None:
        """Take room for so many in all; in a thread."""
        more = size_bytes - self._reserved_bytes
        if more > 0:
            self._spool.make_sure(more)
            os.posix_fallocate(self._descriptor, self._reserved_bytes, more)
            self._reserved_bytes = size_bytes

    def _write(self, gathered: bytearray) -> None:
        end = self.size_bytes + len(gathered)
        if end > self._reserved_bytes:
            self.reserve(end + _STEP_BYTES)
        self._digest.update(gathered)
        view = memoryview(gathered)
        while view:
            written = os.pwrite(self._descriptor, view, self.size_bytes)
            self.size_bytes += written
            view = view[written:]

    def close(self) -> None:
        """Remove it, unless somebody took it away."""
        os.close(self._descriptor)
        self.path.unlink(missing_ok=True)


@attrs.frozen
class Spool:
    """A folder of files that come. ``floor_bytes`` of its disk are left to others.

    Everything raises `StorageFull` where there is no room, `StorageUnavailable` for all else.
    """

    directory: Path
    floor_bytes: int
    limiter: trio.CapacityLimiter

    @asynccontextmanager
    async def file(self, announced_bytes: int | None) -> AsyncIterator[SpoolFile]:
        """A file with room for what was announced; gone when left, unless it was renamed."""
        path = self.directory / f"{uuid4()}.part"
        file = SpoolFile(path, self, await self.in_thread(self._create, path))
        try:
            await self.in_thread(file.reserve, announced_bytes or _STEP_BYTES)
            yield file
        finally:
            file.close()

    def make_sure(self, more_bytes: int) -> None:
        """Refuse what would leave less than the floor; in a thread."""
        there = os.statvfs(self.directory)
        if there.f_bavail * there.f_frsize - more_bytes < self.floor_bytes:
            raise StorageFull("the disk is full, or nearly so")

    async def sweep(self) -> int:
        """Remove what dead processes left; how many."""
        return await self.in_thread(self._sweep)

    def _sweep(self) -> int:
        swept = 0
        for path in self.directory.glob("*.part"):
            try:
                if path.stat().st_mtime < time.time() - ABANDONED_SECONDS:
                    path.unlink()
                    swept += 1
            except FileNotFoundError:
                continue
        return swept

    def _create(self, path: Path) -> int:
        private_folder(path.parent)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    async def in_thread(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do this beside the loop; a full disk is `StorageFull`."""

        def work() -> T:
            with translated(OSError, FileNotFoundError):
                return function(*args, **kwargs)

        return await trio.to_thread.run_sync(work, limiter=self.limiter)


def private_folder(path: Path) -> None:
    """See that it is there, with those above it; what has to be made is for this user alone."""
    if not path.is_dir():
        private_folder(path.parent)
        path.mkdir(exist_ok=True, mode=0o700)
