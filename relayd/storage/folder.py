"""A folder of this machine as the store: written so that a power failure loses nothing.

obstore's local store renames a file whose bytes may still be in memory alone: after a power failure
an object might be there and empty. What is left of it without putting is not worth sharing.
"""

import datetime as dt
import os
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal, ParamSpec, TypeVar
from uuid import uuid4

import attrs
import trio

from relayd.errors import ObjectMissing
from relayd.storage.faults import translated
from relayd.storage.ports import Stored
from relayd.storage.spool import private_folder

__all__ = ["Folder"]

P = ParamSpec("P")
T = TypeVar("T")


@attrs.define(eq=False)
class Folder:
    """Implements `relayd.storage.ports.Store` below ``directory``.

    ``scratch`` is on the same file system: files come from there by being renamed. Both are made
    when they are needed, for this user alone.
    """

    directory: Path
    scratch: Path
    _limiter: trio.CapacityLimiter

    async def put(self, key: str, content: bytes) -> None:
        """See `Store`."""
        await self._call(self._put, key, content)

    async def put_file(self, key: str, path: Path) -> None:
        """See `Store`: nothing is copied."""
        await self._call(self._settle, path, key)

    async def read(self, key: str) -> bytes:
        """See `Store`."""
        return await self._call(self._path(key).read_bytes)

    @asynccontextmanager
    async def as_file(self, key: str) -> AsyncIterator[Path]:
        """See `Store`: the object itself."""
        path = self._path(key)
        if not path.exists():
            raise ObjectMissing("there is no such object")
        yield path

    async def delete(self, keys: Iterable[str]) -> None:
        """See `Store`."""
        paths = [self._path(key) for key in keys]

        def delete() -> None:
            for path in paths:
                path.unlink(missing_ok=True)

        await self._call(delete)

    async def list(self, prefix: str) -> Sequence[Stored]:
        """See `Store`."""
        return await self._call(self._list, prefix)

    async def link(
        self, key: str, seconds: int, method: Literal["GET", "PUT"] = "GET"
    ) -> str | None:
        """See `Store`: never."""
        return None

    def _path(self, key: str) -> Path:
        parts = key.split("/")
        assert all(part not in {"", ".", ".."} for part in parts), key
        return self.directory.joinpath(*parts)

    def _put(self, key: str, content: bytes) -> None:
        private_folder(self.scratch)
        path = self.scratch / f"{uuid4()}.part"
        try:
            path.write_bytes(content)
            self._settle(path, key)
        finally:
            path.unlink(missing_ok=True)

    def _settle(self, path: Path, key: str) -> None:
        """Write its bytes, then its name, then the name of its folder where that is new."""
        final = self._path(key)
        _sync(path)
        if not final.parent.is_dir():
            private_folder(final.parent)
            _sync(final.parent.parent)
        path.replace(final)
        _sync(final.parent)

    def _list(self, prefix: str) -> Sequence[Stored]:
        found = []
        for path in self._path(prefix).rglob("*"):
            try:
                facts = path.stat()
            except FileNotFoundError:
                continue
            if path.is_file():
                key = path.relative_to(self.directory).as_posix()
                changed_at = dt.datetime.fromtimestamp(facts.st_mtime, dt.UTC)
                found.append(Stored(key, facts.st_size, changed_at))
        return found

    async def _call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        def work() -> T:
            with translated(OSError, FileNotFoundError):
                return function(*args, **kwargs)

        return await trio.to_thread.run_sync(work, limiter=self._limiter)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
