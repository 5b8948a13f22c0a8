"""The seam to where recordings and transcripts are kept."""

import datetime as dt
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Literal, Protocol

import attrs

__all__ = ["Store", "Stored"]


@attrs.frozen
class Stored:
    """An object that is there. ``changed_at`` is the store's own time, in UTC."""

    key: str
    size_bytes: int
    changed_at: dt.datetime


class Store(Protocol):
    """Objects by key, such as ``audio/5f0c1c52``. Putting one in place of another is atomic.

    Everything raises `StorageUnavailable`, after a few seconds and a few tries.
    """

    async def put(self, key: str, content: bytes) -> None:
        """Keep these bytes; what is kept is still there after a power failure."""

    async def put_file(self, key: str, path: Path) -> None:
        """Keep this file, which may be larger than memory. It may be gone from ``path`` then."""

    async def read(self, key: str) -> bytes:
        """A small object, whole. Raises `ObjectMissing`."""

    def as_file(self, key: str) -> AbstractAsyncContextManager[Path]:
        """A file to read from while entered, not to be changed. Raises `ObjectMissing`."""

    async def delete(self, keys: Iterable[str]) -> None:
        """See that none of these is there."""

    async def list(self, prefix: str) -> Sequence[Stored]:
        """All that there is below ``prefix/``, in any order: some 200 bytes each in memory."""

    async def link(
        self, key: str, seconds: int, method: Literal["GET", "PUT"] = "GET"
    ) -> str | None:
        """A URL good for so long, for who has no credentials; None where the store has none."""
