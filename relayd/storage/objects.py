"""Any store that obstore speaks to: S3 and what is like it, Google's, Azure's.

obstore works in threads of its own and lets go of the interpreter meanwhile; a call that nobody
waits for any more is left to end by itself, within the deadlines below. What it still puts then is
an orphan, and swept as one.
"""

import datetime as dt
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, ParamSpec, TypeVar
from uuid import uuid4

import attrs
import obstore
import trio
from obstore import exceptions

from relayd.storage.faults import translated
from relayd.storage.ports import Stored
from relayd.storage.spool import private_folder

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

__all__ = ["CLIENT", "RETRIES", "Objects"]

P = ParamSpec("P")
T = TypeVar("T")

# A store that is away is said to be away within seconds: who waits has a client that waits too.
# obstore's own patience is three minutes.
RETRIES: Final["RetryConfig"] = {
    "max_retries": 3,
    "retry_timeout": dt.timedelta(seconds=5),
    "backoff": {
        "init_backoff": dt.timedelta(milliseconds=100),
        "max_backoff": dt.timedelta(seconds=1),
        "base": 2,
    },
}
# `timeout` bounds a request with its whole body, such as a download of gigabytes; what stalls ends
# by `read_timeout`, which a part going up has as well.
CLIENT: Final["ClientConfig"] = {
    "connect_timeout": dt.timedelta(seconds=3),
    "read_timeout": dt.timedelta(seconds=30),
    "timeout": dt.timedelta(hours=1),
}
# Of a file going up: 4 parts of 8 MiB are in memory, and 10,000 of them, S3's most, are 78 GiB.
PART_BYTES: Final = 8 * 1024 * 1024
PARTS_AT_ONCE: Final = 4
# Of one coming down.
PIECE_BYTES: Final = 1024 * 1024
LISTED_AT_ONCE: Final = 1000


@attrs.define(eq=False)
class Objects:
    """Implements `relayd.storage.ports.Store`. ``scratch`` is a folder for files in use."""

    _store: "ObjectStore"
    _limiter: trio.CapacityLimiter
    scratch: Path

    async def put(self, key: str, content: bytes) -> None:
        """See `Store`."""
        await self._call(obstore.put, self._store, key, content)

    async def put_file(self, key: str, path: Path) -> None:
        """See `Store`."""

        def upload() -> None:
            obstore.put(
                self._store, key, path, chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE
            )

        await self._call(upload)

    async def read(self, key: str) -> bytes:
        """See `Store`."""
        return await self._call(lambda: bytes(obstore.get(self._store, key).bytes()))

    @asynccontextmanager
    async def as_file(self, key: str) -> AsyncIterator[Path]:
        """See `Store`: a copy, removed afterwards."""
        path = self.scratch / f"{uuid4()}.part"
        try:
            await self._download(key, path)
            yield path
        finally:
            path.unlink(missing_ok=True)

    async def _download(self, key: str, path: Path) -> None:
        """Piece by piece, so that being cancelled is felt between two of them."""
        pieces = await self._call(
            lambda: iter(obstore.get(self._store, key).stream(min_chunk_size=PIECE_BYTES))
        )
        file = await self._call(_create, path)
        with file:
            while (piece := await self._call(next, pieces, None)) is not None:
                await self._call(file.write, piece)

    async def delete(self, keys: Iterable[str]) -> None:
        """See `Store`."""
        listed = list(keys)

        def delete() -> None:
            for key in listed:
                try:
                    obstore.delete(self._store, key)
                except (exceptions.NotFoundError, FileNotFoundError):
                    continue

        await self._call(delete)

    async def list(self, prefix: str) -> Sequence[Stored]:
        """See `Store`."""

        def listed() -> Sequence[Stored]:
            chunks = obstore.list(self._store, prefix, chunk_size=LISTED_AT_ONCE)
            return [
                Stored(one["path"], one["size"], one["last_modified"])
                for chunk in chunks
                for one in chunk
            ]

        return await self._call(listed)

    async def link(
        self, key: str, seconds: int, method: Literal["GET", "PUT"] = "GET"
    ) -> str | None:
        """See `Store`."""
        within = dt.timedelta(seconds=seconds)
        store: Any = self._store
        return await self._call(lambda: str(obstore.sign(store, method, key, within)))

    async def _call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        def work() -> T:
            with translated(exceptions.BaseError, exceptions.NotFoundError):
                return function(*args, **kwargs)

        return await trio.to_thread.run_sync(work, limiter=self._limiter, abandon_on_cancel=True)


def _create(path: Path) -> Any:
    private_folder(path.parent)
    return path.open("xb")
