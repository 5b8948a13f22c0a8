"""Whom the embedded PostgreSQL lets in, and who else on the machine tries."""

import datetime as dt
import os
import pwd
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from relayd.database.admission import admit_owners_only
from relayd.database.cluster import OWN_GROUP
from tests.database.servers import Server, server

ME = pwd.getpwuid(os.geteuid()).pw_name

# As any process of that user could: through the server's working directory, by its socket; then
# to its files, and into the process itself.
ATTACK = """
import os, sys
import psycopg
pid, uid, gid = map(int, sys.argv[1:])
os.setgroups([])
os.setgid(gid)
os.setuid(uid)
for name, attempt in {
    "socket": lambda: psycopg.connect(f"host=/proc/{pid}/cwd user=relayd dbname=relayd"),
    "files": lambda: os.listdir(f"/proc/{pid}/cwd"),
    "memory": lambda: open(f"/proc/{pid}/mem", "rb"),
}.items():
    try:
        attempt()
    except (OSError, psycopg.OperationalError) as error:
        print(name, "refused:", str(error).splitlines()[-1])
    else:
        print(name, "OPEN")
"""


def attack(own: Server, gid: int) -> dict[str, str]:
    """What each attempt of a process with the server's own user comes to."""
    uid = Path(f"/proc/{own.pid}").stat().st_uid
    done = subprocess.run(  # noqa: S603 - this Python, our own text
        [sys.executable, "-c", ATTACK, str(own.pid), str(uid), str(gid)],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    )
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


def rules_in_force(own: Server) -> list[tuple[object, ...]]:
    """Who may connect, as the server itself reads it."""
    with psycopg.connect(own.url) as connection:
        return connection.execute(
            "SELECT type, database, user_name, address, auth_method, options FROM pg_hba_file_rules"
        ).fetchall()


ONE_RULE = [("local", ["all"], ["all"], None, "peer", ["map=relayd"])]


@pytest.mark.system
@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as somebody else")
def test_a_neighbour_with_the_servers_user_gets_nothing() -> None:
    """Neither its socket nor its files nor its memory; and with its group too, no connection."""
    with server() as own:
        status = Path(f"/proc/{own.pid}/status").read_text()
        assert f"Gid:\t{OWN_GROUP}\t" in status
        found = attack(own, gid=pwd.getpwnam("nobody").pw_gid)
        assert set(found) == {"socket", "files", "memory"}
        assert all(one.startswith("refused:") for one in found.values()), found

        with psycopg.connect(own.url) as connection:
            row = connection.execute("SHOW dynamic_shared_memory_type").fetchone()
        assert row == ("mmap",)

        # What the group is for: with it, the directory is open, and the door is still shut.
        inside = attack(own, gid=OWN_GROUP)
        assert inside["files"] == "OPEN"
        assert "Peer authentication failed" in inside["socket"]


@pytest.mark.system
def test_one_rule_and_no_trust() -> None:
    """The server lets in whom its map names, through its socket, and nobody else."""
    with server() as own:
        assert rules_in_force(own) == ONE_RULE


@pytest.mark.system
def test_a_server_of_an_earlier_version_is_closed() -> None:
    """Rules that trusted everybody are gone with the next start, also where it runs already."""
    with server() as own:
        directory = own.attachment._cluster.directory
        with psycopg.connect(own.url) as connection:
            (directory / "pg_hba.conf").write_text("local all all trust\n")
            connection.execute("SELECT pg_reload_conf()")
        own.start()
        assert rules_in_force(own) == ONE_RULE
        with psycopg.connect(own.url) as connection:
            # The file's rules are those in force once it was loaded again.
            until = time.monotonic() + 30
            while time.monotonic() < until:
                row = connection.execute(
                    "SELECT pg_conf_load_time() >= %s",
                    (_changed_at(directory / "pg_hba.conf"),),
                ).fetchone()
                if row == (True,):
                    return
        pytest.fail("the rules were not loaded")


def _changed_at(path: Path) -> object:
    return dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC)


def test_the_map_names_owners(tmp_path: Path) -> None:
    """Root and whoever owns the data directory; written once, and again where it was changed."""
    directory = tmp_path / "postgresql"
    directory.mkdir()

    assert admit_owners_only(directory, None)
    assert not admit_owners_only(directory, None)

    lines = (directory / "pg_ident.conf").read_text().splitlines()[1:]
    assert lines == [f'relayd "{name}" all' for name in dict.fromkeys(("root", ME))]
    assert "trust" not in (directory / "pg_hba.conf").read_text()
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}
    (directory / "pg_ident.conf").write_text("relayd nobody all\n")
    assert admit_owners_only(directory, None)


def test_a_planted_link_is_not_written_through(tmp_path: Path) -> None:
    """Whoever owns the directory can't make root write elsewhere."""
    directory, elsewhere = tmp_path / "postgresql", tmp_path / "precious"
    directory.mkdir()
    elsewhere.write_text("precious")
    for name in ("pg_hba.conf", "pg_hba.conf.new", "pg_ident.conf"):
        (directory / name).symlink_to(elsewhere)

    admit_owners_only(directory, None)

    assert elsewhere.read_text() == "precious"
    assert not any(path.is_symlink() for path in directory.iterdir())
