"""A store in memory, held to the same contract as the real ones."""

import datetime as dt
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal
from uuid import uuid4

import attrs
import trio

from relayd.errors import ObjectMissing, StorageUnavailable
from relayd.storage.ports import Stored

__all__ = ["MemoryStore"]


@attrs.define(eq=False)
class MemoryStore:
    """Implements `relayd.storage.ports.Store`; ``scratch`` is where `as_file` copies to."""

    scratch: Path
    objects: dict[str, bytes] = attrs.field(factory=dict)
    away: bool = False
    # Whether it gives signed addresses out.
    links: bool = False

    async def put(self, key: str, content: bytes) -> None:
        """See `Store`."""
        self._reach()
        self.objects[key] = content

    async def put_file(self, key: str, path: Path) -> None:
        """See `Store`."""
        await self.put(key, await trio.Path(path).read_bytes())

    async def read(self, key: str) -> bytes:
        """See `Store`."""
        self._reach()
        if key not in self.objects:
            raise ObjectMissing("there is no such object")
        return self.objects[key]

    @asynccontextmanager
    async def as_file(self, key: str) -> AsyncIterator[Path]:
        """See `Store`."""
        path = self.scratch / str(uuid4())
        path.write_bytes(await self.read(key))
        try:
            yield path
        finally:
            path.unlink()

    async def delete(self, keys: Iterable[str]) -> None:
        """See `Store`."""
        self._reach()
        for key in keys:
            self.objects.pop(key, None)

    async def list(self, prefix: str) -> Sequence[Stored]:
        """See `Store`."""
        self._reach()
        now = dt.datetime.now(dt.UTC)
        return [
            Stored(key, len(content), now)
            for key, content in self.objects.items()
            if key.startswith(f"{prefix}/")
        ]

    async def link(
        self, key: str, seconds: int, method: Literal["GET", "PUT"] = "GET"
    ) -> str | None:
        """See `Store`."""
        self._reach()
        return f"https://store.example/{key}?{method}" if self.links else None

    def _reach(self) -> None:
        if self.away:
            raise StorageUnavailable("it can't be used: away")
