"""Drills: what was backed up comes back in another cluster, or nothing changes."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import attrs
import psycopg
import pytest
from psycopg import sql

from relayd.backups import Obstacle, Restored, back_up, restore
from relayd.backups.manifest import read_manifest, seal
from relayd.backups.tools import Tools
from relayd.database import migrate, shape
from relayd.errors import DatabaseUnavailable, OperatorError
from relayd.ledger.audit import audit
from relayd.ledger.holds import Policy
from relayd.session.endings import EndReason
from relayd.session.ports import Opened, OpenRequest, Settlement
from tests.database.servers import Server, server
from tests.ledger.store import Store

pytestmark = pytest.mark.system

MARK = "00000000"


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Server]:
    """Another cluster."""
    with server() as other:
        yield other


@pytest.fixture
def target(elsewhere: Server) -> str:
    """An empty database in it."""
    with psycopg.connect(elsewhere.url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return elsewhere.url


@pytest.fixture
def source(database_url: str) -> str:
    """Books with somebody in them: a grant, a session that ended, one that runs."""
    with psycopg.connect(database_url) as connection:
        store, policy = Store(connection), Policy(hold_ms=30_000, streams_per_user=5)
        who, boot_id = store.add_user(600_000), uuid4()
        for ended in (True, False):
            request = OpenRequest(uuid4(), who, "sphinx", "m", "192.0.2.1")
            assert isinstance(store.open(request, boot_id, policy), Opened)
            if ended:
                store.close(Settlement(request.session_id, 12_345, 12_345, EndReason.COMPLETED))
    return database_url


@pytest.fixture
def backup(source: str, tmp_path: Path) -> Path:
    """The file of it."""
    path = tmp_path / "backup"
    made = back_up(source, path, MARK)
    assert made.balanced
    return path


def rows(url: str) -> dict[str, list[Any]]:
    """Everything that is in the tables."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind = 'r' ORDER BY 1"
        ).fetchall()
        return {name: sorted(map(repr, everything(connection, name))) for (name,) in tables}


def everything(connection: psycopg.Connection[Any], table: str) -> list[Any]:
    """The rows of one table."""
    return connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))).fetchall()


def resealed(path: Path, change: Callable[[bytes], bytes], **facts: Any) -> Path:
    """The same file after a change that its checksum doesn't betray."""
    manifest = read_manifest(path)
    archive = path.read_bytes().rpartition(b"\nrelayd-backup ")[0]
    other = path.with_name("resealed")
    other.write_bytes(change(archive))
    seal(other, attrs.evolve(manifest, **facts))
    return other


def test_all_of_it_comes_back(source: str, backup: Path, target: str) -> None:
    """Row by row, constraint by constraint; and the books go on from there."""
    before = rows(source)
    restored = restore(target, backup, replace=False)

    assert isinstance(restored, Restored)
    assert restored.findings == ()
    assert rows(target) == before
    with psycopg.connect(target) as connection:
        assert shape.differences(connection) == []
        assert migrate.pending(connection) == []
        connection.rollback()
        store = Store(connection)
        # Next values of sequences came along, and what keeps the ledger append-only, too.
        who = store.add_user(1000)
        assert store.balance(who.user_id).balance_ms == 1000
        with pytest.raises(psycopg.errors.RestrictViolation):
            connection.execute("DELETE FROM usage_ledger")
        connection.rollback()
        assert audit(connection) == ()


def test_a_backup_is_private_and_never_overwritten(source: str, backup: Path) -> None:
    """Readable by its owner, left alone by the next one, and no remains beside it."""
    assert backup.stat().st_mode & 0o777 == 0o600
    kept = backup.read_bytes()
    with pytest.raises(OperatorError, match="exists and is left as it is"):
        back_up(source, backup, MARK)
    with pytest.raises(OperatorError, match="can't be written"):
        back_up(source, backup.parent / "no such directory" / "backup", MARK)
    assert backup.read_bytes() == kept
    assert [one.name for one in backup.parent.iterdir()] == ["backup"]


def test_no_backup_of_nothing(empty_database_url: str, tmp_path: Path) -> None:
    """A mistyped URL leads to no file that looks like a backup."""
    with pytest.raises(OperatorError, match=r"no tables of relayd's"):
        back_up(empty_database_url, tmp_path / "backup", MARK)
    with pytest.raises(DatabaseUnavailable):
        back_up("postgresql://127.0.0.1:1/x", tmp_path / "backup", MARK)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_thrown_away(source: str, backup: Path) -> None:
    """Without being told to; told to, it is."""
    with psycopg.connect(source) as connection:
        Store(connection).add_user(77)
    before = rows(source)

    refused = restore(source, backup, replace=False)
    assert isinstance(refused, Obstacle)
    assert refused.rows["users"] == 2
    assert rows(source) == before

    assert isinstance(restore(source, backup, replace=True), Restored)
    assert len(rows(source)["users"]) == 1


def half(archive: bytes) -> bytes:
    """The first half of it."""
    return archive[: len(archive) // 2]


def scratched(archive: bytes) -> bytes:
    """With a scratch of 400 bytes in the middle of the rows."""
    middle = len(archive) * 2 // 3
    return archive[:middle] + bytes(400) + archive[middle + 400 :]


def untouched(archive: bytes) -> bytes:
    """As it was."""
    return archive


@pytest.mark.parametrize(
    ("change", "facts", "told"),
    [
        (half, {}, "pg_restore failed, nothing was changed"),
        (scratched, {}, "failed, nothing was changed"),
        (untouched, {"rows": {"users": 3}}, "users has not the 3 rows of the backup"),
        (untouched, {"rows": {"users; --": 1}}, "failed, nothing was changed"),
        (untouched, {"postgresql": 99}, "the backup is of PostgreSQL 99"),
        (untouched, {"schema": "other"}, "make them the same"),
    ],
)
def test_a_damaged_file_changes_nothing(
    source: str,
    backup: Path,
    change: Callable[[bytes], bytes],
    facts: dict[str, Any],
    told: str,
) -> None:
    """All of it or nothing, also where the database is to be replaced."""
    damaged = resealed(backup, change, **facts)
    with psycopg.connect(source) as connection:
        Store(connection).add_user(77)
    before = rows(source)

    with pytest.raises(OperatorError, match=told):
        restore(source, damaged, replace=True)
    assert rows(source) == before


def test_books_that_did_not_balance(source: str, target: str, tmp_path: Path) -> None:
    """They are backed up and restored as they are, and both say so."""
    with psycopg.connect(source) as connection:
        connection.execute("UPDATE credit_balance SET balance_ms = balance_ms + 1")
    made = back_up(source, tmp_path / "backup", MARK)
    assert made.balanced is False
    restored = restore(target, tmp_path / "backup", replace=False)
    assert isinstance(restored, Restored)
    assert [one.rule.split(" ")[0] for one in restored.findings] == ["balance"]


def test_books_that_were_changed_on_the_way(backup: Path, source: str, target: str) -> None:
    """A backup that balanced must balance again before it counts."""
    with psycopg.connect(source) as connection:
        connection.execute("UPDATE credit_balance SET balance_ms = balance_ms + 1")
    other = backup.with_name("other")
    back_up(source, other, MARK)
    lying = resealed(other, untouched, balanced=True)

    with pytest.raises(OperatorError, match="the books do not balance: balance = entries"):
        restore(target, lying, replace=False)
    assert rows(target) == {}


def test_an_older_schema_is_brought_up(
    empty_database_url: str, target: str, tmp_path: Path
) -> None:
    """A backup from before an upgrade can be restored by the program after it."""
    with psycopg.connect(empty_database_url) as connection:
        migrate.build(connection, migrate.known()[:3])
    made = back_up(empty_database_url, tmp_path / "backup", MARK)
    assert (made.migration, made.balanced) == (3, None)
    assert isinstance(restore(target, tmp_path / "backup", replace=False), Restored)
    with psycopg.connect(target) as connection:
        assert migrate.pending(connection) == []


def test_not_under_a_running_daemon(backup: Path, source: str) -> None:
    """Whoever serves would settle sessions against other books."""
    with (
        psycopg.connect(source, application_name="relayd"),
        pytest.raises(OperatorError, match="stop it first"),
    ):
        restore(source, backup, replace=True)


def test_a_backup_sees_one_moment(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written while pg_dump works is not in it, and rows and audit agree with the dump."""
    run = Tools.run

    def writing(self: Tools, program: str, *arguments: str, url: str) -> None:
        with psycopg.connect(source) as connection:
            Store(connection).add_user(1000)
        run(self, program, *arguments, url=url)

    monkeypatch.setattr(Tools, "run", writing)
    made = back_up(source, tmp_path / "backup", MARK)
    assert made.rows["users"] == 1
    assert len(rows(source)["users"]) == 2
    restored = restore(source, tmp_path / "backup", replace=True)
    assert isinstance(restored, Restored)
    assert len(rows(source)["users"]) == 1


def test_the_archive_is_one_of_pg_dumps(backup: Path) -> None:
    """Whoever has no relayd reads it with PostgreSQL's own tools; our line doesn't disturb them."""
    assert backup.read_bytes().startswith(b"PGDMP")
    line = backup.read_bytes().rstrip().rpartition(b"\nrelayd-backup ")[2]
    assert json.loads(line)["postgresql"] >= 14
