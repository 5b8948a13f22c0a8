"""Which daemon ran here before, known to be dead: its sessions need not wait for the sweeper.

A daemon holds the kernel's lock on a file in its data directory for as long as its process
lives, and writes its boot id into it. Whoever gets that lock and finds an id knows that the
daemon of that id died without a word, and may end its boot at once. It is a short cut only:
without the file, or with two daemons in one directory, heartbeats tell the same more slowly.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from uuid import UUID

from relayd import logs

__all__ = ["succeed"]

log = logs.get(__name__)

NAME: Final = "boot"


@contextmanager
def succeed(directory: Path, boot_id: UUID) -> Iterator[UUID | None]:
    """Hold this directory's lock while entered; the boot that died holding it, if one did."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(directory / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        log.info("predecessor unknown", problem=error)
        yield None
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.info("another daemon uses this data directory", directory=directory)
            yield None
            return
        predecessor = _read(descriptor)
        _write(descriptor, str(boot_id).encode())
        yield predecessor
        _write(descriptor, b"")
    finally:
        os.close(descriptor)


def _read(descriptor: int) -> UUID | None:
    text = os.pread(descriptor, 100, 0).decode("ascii", "replace")
    try:
        return UUID(text)
    except ValueError:
        return None


def _write(descriptor: int, text: bytes) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text, 0)
