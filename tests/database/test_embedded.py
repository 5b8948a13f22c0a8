"""The embedded PostgreSQL: private, kept, shared, and gone with its last user."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import trio

from relayd.database import binaries, embedded
from relayd.database.cluster import Cluster
from relayd.database.embedded import Attachment, embedded_url
from relayd.errors import ConfigError, DatabaseUnavailable, MissingExtra
from tests.conftest import DeclaredErrors
from tests.database.servers import server

# Attaches, says so, and stays.
USER = """
import sys, time
from pathlib import Path
from relayd.database.embedded import Attachment
attachment = Attachment.attach(Path(sys.argv[1]))
print("in", flush=True)
time.sleep(60)
"""


@pytest.fixture
def data_directory() -> Iterator[Path]:
    """A directory for one cluster."""
    directory = Path(tempfile.mkdtemp(prefix="relayd-tests-"))
    yield directory
    shutil.rmtree(directory)


def ask(url: str, question: str) -> str:
    """One value."""
    with psycopg.connect(url) as connection:
        row = connection.execute(question).fetchone()
    assert row is not None
    return str(row[0])


def runs(url: str) -> bool:
    """Whether somebody answers there."""
    try:
        ask(url, "SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the wheel the operator hears which extra to install."""
    binaries.programs.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    with pytest.raises(MissingExtra, match=r"relayd\[embedded\]"):
        binaries.programs(None)


def test_programs_out_of_reach_are_copied() -> None:
    """A copy runs from where it is, also without our rights, and goes with its server."""
    installed = binaries.programs(None)

    copied = binaries._copy(installed.parent) / "bin"
    done = subprocess.run(  # noqa: S603 - the program under test
        [str(copied / "postgres"), "--version"], capture_output=True, check=True, cwd="/"
    )
    assert b"PostgreSQL" in done.stdout
    assert all(path.stat().st_mode & 0o5 for path in (copied, copied / "postgres"))

    binaries.forget_copy(copied / "postgres")
    assert not copied.exists()


def test_unusable_directory_is_told(tmp_path: Path) -> None:
    """A path that can't be a directory is a mistake in the configuration."""
    (tmp_path / "file").touch()

    with pytest.raises(ConfigError, match="data_directory"):
        Attachment.attach(tmp_path / "file")


def test_other_version_is_refused(data_directory: Path) -> None:
    """Files of another PostgreSQL are left alone."""
    (data_directory / "postgresql").mkdir()
    (data_directory / "postgresql" / "PG_VERSION").write_text("16\n")

    with pytest.raises(ConfigError, match="made by PostgreSQL 16"):
        Attachment.attach(data_directory)


@pytest.mark.system
async def test_is_private_kept_and_stopped(data_directory: Path) -> None:
    """Only its owner reaches it, commits are written through, and the next run finds its data."""
    async with embedded_url(data_directory) as url:
        assert ask(url, "SHOW listen_addresses") == ""
        assert ask(url, "SHOW fsync") == "on"
        assert int(ask(url, "SHOW server_version_num")) >= 180_000
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS a")
    assert (data_directory / "postgresql").stat().st_mode & 0o777 == 0o700
    assert not runs(url)

    async with embedded_url(data_directory) as url:
        assert ask(url, "SELECT a FROM kept") == "7"


@pytest.mark.system
async def test_last_one_out_stops_it(data_directory: Path) -> None:
    """An operator's command beside a daemon comes and goes; in whatever order they end."""
    daemon = await trio.to_thread.run_sync(Attachment.attach, data_directory)
    command = await trio.to_thread.run_sync(Attachment.attach, data_directory)

    await trio.to_thread.run_sync(daemon.leave)
    assert runs(command.url)

    await trio.to_thread.run_sync(command.leave)
    assert not runs(command.url)


@pytest.mark.system
def test_killed_daemon_leaves_a_usable_server(data_directory: Path) -> None:
    """After `kill -9` the next one uses the server that runs, and stops it in the end."""
    with subprocess.Popen(  # noqa: S603 - this Python, our own text
        [sys.executable, "-c", USER, str(data_directory)], stdout=subprocess.PIPE, text=True
    ) as user:
        assert user.stdout is not None
        assert user.stdout.readline() == "in\n"
        server_pid = (data_directory / "postgresql" / "postmaster.pid").read_text().split()[0]
        user.send_signal(signal.SIGKILL)
        user.wait()

    attachment = Attachment.attach(data_directory)
    assert str(attachment._cluster.pid()) == server_pid
    attachment.leave()
    assert not runs(attachment.url)


@pytest.mark.system
def test_crashed_server_recovers() -> None:
    """What was committed is there after the server was killed outright."""
    with server() as own:
        with psycopg.connect(own.url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS a")
        os.kill(own.pid, signal.SIGKILL)

        own.start()

        assert ask(own.url, "SELECT a FROM kept") == "7"


@pytest.mark.system
def test_long_path_has_a_short_way(data_directory: Path) -> None:
    """A directory deeper than a socket address can say works all the same."""
    attachment = Attachment.attach(data_directory / ("x" * 120))
    assert runs(attachment.url)

    attachment.leave()
    assert attachment._shortcut is not None
    assert not attachment._shortcut.exists()


@pytest.mark.system
def test_half_made_cluster_is_made_anew(data_directory: Path) -> None:
    """A first start that was killed in the middle is no obstacle."""
    (data_directory / "postgresql.new").mkdir()
    (data_directory / "postgresql.new" / "PG_VERSION").write_text("18\n")

    attachment = Attachment.attach(data_directory)
    assert runs(attachment.url)
    attachment.leave()


@pytest.mark.system
async def test_watch_starts_a_dead_server_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a daemon runs, its embedded server is not left dead."""
    monkeypatch.setattr(embedded, "WATCH_SECONDS", 0.05)
    with server() as own:
        own.kill()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(embedded.run_watch, own.attachment._gate, own.url)
            with trio.fail_after(30):
                while not await trio.to_thread.run_sync(runs, own.url):
                    pass
            nursery.cancel_scope.cancel()


def test_server_that_goes_away_while_it_starts_is_unavailable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whatever libpq says of it is one exception for the rest of relayd."""

    def refuse(*arguments: object, **keywords: object) -> None:
        raise psycopg.OperationalError("terminating connection due to administrator command")

    cluster = Cluster(tmp_path, None)
    monkeypatch.setattr(Cluster, "answers", lambda *_: True)
    monkeypatch.setattr(psycopg, "connect", refuse)

    with pytest.raises(DatabaseUnavailable, match="went away: terminating"):
        cluster.start("postgresql://")


async def test_watch_outlives_whatever_goes_wrong(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, declared_errors: DeclaredErrors
) -> None:
    """An outage, a full disk and a fault of ours each cost one look."""
    monkeypatch.setattr(embedded, "WATCH_SECONDS", 0.001)
    problems = [DatabaseUnavailable("away"), OSError("disk full"), psycopg.DataError("odd")]
    looked_again = trio.Event()

    def revive(directory: Path, url: str) -> None:
        if problems:
            raise problems.pop(0)
        trio.from_thread.run_sync(looked_again.set)

    monkeypatch.setattr(embedded, "_revive", revive)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(embedded.run_watch, tmp_path, "")
        with trio.fail_after(30):
            await looked_again.wait()
        nursery.cancel_scope.cancel()
    for _ in range(2):
        declared_errors.expect("background work failed")
