"""Which daemon ran here before, known to be dead: its sessions need not wait for the sweeper.

A daemon holds the kernel's lock on a file in its data directory for as long as its process
lives, and keeps its boot ids in it, one a process, until their end is recorded. Whoever gets
that lock and finds an id knows that the daemon of that id died without a word, and may end its
boot at once. It is a short cut only: without the file, or with two daemons in one directory,
heartbeats tell the same more slowly.
"""

import fcntl
import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from uuid import UUID

import attrs

from relayd import logs

__all__ = ["Seat", "succeed"]

log = logs.get(__name__)

NAME: Final = "boot"
# 37 for each process, those that retire too.
_BYTES_MAX: Final = 65_536


@attrs.frozen
class Seat:
    """The place of a data directory's one daemon, whether or not it could be had."""

    # The boots that died here: none, or those of every process of the daemon before.
    predecessors: tuple[UUID, ...] = ()
    _descriptor: int | None = None

    @property
    def descriptors(self) -> Sequence[int]:
        """What a process inherits that lives on without us: the lock is then still held."""
        return () if self._descriptor is None else (self._descriptor,)

    def take(self, boot_ids: Collection[UUID]) -> None:
        """Be those that are dead if this ends without `leave`. Predecessors are forgotten."""
        self._write(b"\n".join(str(one).encode() for one in boot_ids))

    def leave(self) -> None:
        """End in order: the end of this boot is recorded, so nobody has to find out."""
        self._write(b"")

    def _write(self, text: bytes) -> None:
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, text, 0)


@contextmanager
def succeed(directory: Path) -> Iterator[Seat]:
    """Hold this directory's lock while entered, or an empty seat where it can't be had."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(directory / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        log.info("predecessor unknown", problem=error)
        yield Seat()
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.info("another daemon uses this data directory", directory=directory)
            yield Seat()
            return
        yield Seat(_read(descriptor), descriptor)
    finally:
        os.close(descriptor)


def _read(descriptor: int) -> tuple[UUID, ...]:
    text = os.pread(descriptor, _BYTES_MAX, 0)
    try:
        return tuple(UUID(line) for line in text.decode("ascii").split())
    except ValueError:
        return ()
