"""A PostgreSQL that a test may kill."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from relayd.database.embedded import Attachment

__all__ = ["Server", "server"]


@attrs.frozen
class Server:
    """An embedded server in a directory of its own."""

    attachment: Attachment

    @property
    def url(self) -> str:
        """Where it is."""
        return self.attachment.url

    @property
    def pid(self) -> int:
        """Its main process."""
        pid = self.attachment._cluster.pid()
        assert pid is not None
        return pid

    def kill(self) -> None:
        """As a crash of the machine does it: nothing is written any more."""
        pid = self.pid
        os.kill(pid, signal.SIGQUIT)
        while self.attachment._cluster.pid() == pid:
            time.sleep(0.01)

    def start(self) -> None:
        """Start it again."""
        self.attachment._cluster.start(self.url)


@contextmanager
def server() -> Iterator[Server]:
    """A server for one test."""
    directory = Path(tempfile.mkdtemp(prefix="relayd-tests-"))
    attachment = Attachment.attach(directory)
    try:
        yield Server(attachment)
    finally:
        attachment.leave()
        shutil.rmtree(directory)
