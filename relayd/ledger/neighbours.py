"""The workers of one machine, each known to live by the kernel's lock on a file of its own.

A heartbeat that stands still tells of a death after `dead_seconds`; the kernel lets go of a dead
process's lock at once. Whoever finds a file that nobody holds knows that the boot that it is named
after is dead, whatever killed it, and may end it. It is a short cut only: without the directory,
and for workers of other machines, heartbeats tell the same more slowly.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import UUID

import attrs

from relayd import logs

__all__ = ["Neighbours"]

log = logs.get(__name__)


@attrs.frozen
class Neighbours:
    """The directory of their locks."""

    directory: Path

    @contextmanager
    def joined(self, boot_id: UUID) -> Iterator[None]:
        """Be seen to live while entered, and to be dead afterwards, until `forget`."""
        try:
            descriptor = self._lock(boot_id)
        except OSError as error:
            log.info("neighbours can't see this worker", problem=error)
            yield
            return
        try:
            yield
        finally:
            os.close(descriptor)

    def dead(self) -> list[UUID]:
        """The boots whose process is gone, or whose work has ended, and that nobody forgot."""
        try:
            names = [one.name for one in self.directory.iterdir()]
        except OSError:
            return []
        return [boot_id for name in names if (boot_id := self._dead(name)) is not None]

    def forget(self, boot_id: UUID) -> None:
        """Its end is recorded: nobody has to find out."""
        with suppress(OSError):
            (self.directory / str(boot_id)).unlink()

    def _lock(self, boot_id: UUID) -> int:
        """The descriptor of its file, which is locked before it has its name."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        unnamed = self.directory / f".{boot_id}"
        descriptor = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            unnamed.rename(self.directory / str(boot_id))
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def _dead(self, name: str) -> UUID | None:
        try:
            boot_id = UUID(name)
            descriptor = os.open(self.directory / name, os.O_RDWR | os.O_CLOEXEC)
        except (ValueError, OSError):
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return None
        else:
            return boot_id
        finally:
            os.close(descriptor)
