"""The embedded PostgreSQL, shared by every process that uses one data directory.

A daemon, and operator commands beside it, come and go in any order: the first one in starts
the server and the last one out stops it. Who is in is known by locks on the directories
themselves, which the kernel releases however a process ends: a killed daemon leaves a running
server, and the next one in simply uses it.

    lock on the data directory, exclusive       somebody starts or stops the server
    lock on its subdirectory, shared            somebody uses the server
"""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

import attrs
import trio

from relayd import logs
from relayd.background import keep
from relayd.database.cluster import NAME, Cluster
from relayd.errors import ConfigError, DatabaseUnavailable

__all__ = ["Attachment", "embedded_url", "run_watch"]

log = logs.get(__name__)

SUBDIRECTORY: Final = "postgresql"
# Longer than a start and a stop by somebody else.
LOCK_SECONDS: Final = 120
# sockaddr_un holds 108 bytes with the closing NUL; 104 on other systems.
SOCKET_PATH_BYTES: Final = 103
WATCH_SECONDS: Final = 2
SOCKET_NAME: Final = ".s.PGSQL.5432"


@asynccontextmanager
async def embedded_url(data_directory: Path) -> AsyncIterator[str]:
    """The URL of the embedded PostgreSQL, which runs at least as long as this is entered.

    Beside a running daemon this attaches to its server. Raises `MissingExtra`,
    `ConfigError` (the directory can't be used) or `DatabaseUnavailable` (it doesn't start).
    """
    attachment = await trio.to_thread.run_sync(Attachment.attach, data_directory)
    try:
        yield attachment.url
    finally:
        with trio.CancelScope(shield=True):  # bounded by LOCK_SECONDS and the cluster's own
            await trio.to_thread.run_sync(attachment.leave)


async def run_watch(data_directory: Path, url: str) -> None:
    """Start the server again whenever it died, until cancelled; for the daemon's nursery.

    Sessions live on their holds meanwhile, and the pool reconnects by itself.
    """

    async def look() -> None:
        await trio.sleep(WATCH_SECONDS)
        await trio.to_thread.run_sync(_revive, data_directory, url)

    # Each look begins with its pause.
    await keep("watch over PostgreSQL", look, again_seconds=0, again_seconds_max=0)


@attrs.define(eq=False)
class Attachment:
    """One use of the server. `attach` and `leave` block."""

    url: str
    _gate: Path
    _cluster: Cluster
    # Holds the shared lock while open.
    _in_use: int
    # A private directory with a short way to a socket whose own path is too long.
    _shortcut: Path | None

    @classmethod
    def attach(cls, data_directory: Path) -> "Attachment":
        """Make, start or find the server, and be one of its users."""
        gate = data_directory.absolute()
        try:
            gate.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _locked(gate):
                return cls._attach(gate)
        except OSError as error:
            raise ConfigError(
                "database.data_directory",
                f"{gate} can't be used: {error.strerror or error}; name a directory that the user"
                " of relayd may write to",
            ) from error

    @classmethod
    def _attach(cls, gate: Path) -> "Attachment":
        cluster = Cluster.at(gate / SUBDIRECTORY)
        cluster.initialise()
        in_use = os.open(cluster.directory, os.O_RDONLY)
        shortcut = None
        try:
            # Nobody else can want it exclusively now: that takes the gate, which is ours.
            fcntl.flock(in_use, fcntl.LOCK_SH | fcntl.LOCK_NB)
            shortcut, way = _way(cluster.directory)
            url = f"postgresql://{NAME}@/{NAME}?host={quote(str(way), safe='')}"
            cluster.start(url)
        except BaseException:
            _remove(shortcut)
            os.close(in_use)
            raise
        return cls(url, gate, cluster, in_use, shortcut)

    def leave(self) -> None:
        """Stop the server unless another process still uses it."""
        try:
            with _locked(self._gate):
                try:
                    fcntl.flock(self._in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return
                self._cluster.stop(self.url)
        finally:
            os.close(self._in_use)
            _remove(self._shortcut)


def _revive(data_directory: Path, url: str) -> None:
    gate = data_directory.absolute()
    cluster = Cluster.at(gate / SUBDIRECTORY)
    if cluster.answers(url):
        return
    log.warning("embedded PostgreSQL died, starting it again")
    with _locked(gate):
        cluster.start(url)


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold the exclusive lock on a directory."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        until = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise DatabaseUnavailable(
                        f"another process is starting or stopping PostgreSQL in {directory} "
                        f"for more than {LOCK_SECONDS} s; look for it, or wait"
                    ) from None
                time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


def _way(directory: Path) -> tuple[Path | None, Path]:
    """A path to the directory that is short enough for a socket in it."""
    if len(os.fsencode(directory / SOCKET_NAME)) <= SOCKET_PATH_BYTES:
        return None, directory
    shortcut = Path(tempfile.mkdtemp(prefix="relayd-"))
    link = shortcut / "d"
    link.symlink_to(directory)
    return shortcut, link


def _remove(shortcut: Path | None) -> None:
    if shortcut is not None:
        shutil.rmtree(shortcut, ignore_errors=True)
