"""Migrations: once, in order, all or nothing, and never on a database that isn't understood."""

import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from relayd.database import migrate
from relayd.database.ports import Connection
from relayd.errors import MigrationRefused


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Two small migrations."""
    (tmp_path / "0001_one.sql").write_text("CREATE TABLE one (a int); INSERT INTO one VALUES (1);")
    (tmp_path / "0002_two.sql").write_text("CREATE TABLE two (b int);")
    return tmp_path


@pytest.fixture
def connection(empty_database_url: str) -> Iterator[Connection]:
    """A database without our schema."""
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        yield connection


def applied(connection: Connection, directory: Path) -> list[str]:
    """Apply in one transaction, as at start."""
    with connection.transaction():
        return migrate.apply(connection, directory)


def test_names_are_numbered_without_a_gap() -> None:
    """The files that are shipped are numbered from 1 and named by what they bring."""
    names = [migration.name for migration in migrate.known(migrate.schema_directory())]

    assert names[:2] == ["0001_accounts.sql", "0002_ledger.sql"]


@pytest.mark.parametrize("name", ["3_three.sql", "0004_four.sql", "0002_again.sql", "0003_Thr.sql"])
def test_misnamed_files_are_refused(directory: Path, name: str) -> None:
    """A gap, a double or a name of another form is a broken installation."""
    (directory / name).write_text("SELECT 1")

    with pytest.raises(MigrationRefused, match=name):
        migrate.known(directory)


def test_no_files_are_refused(tmp_path: Path) -> None:
    """An installation without a schema says so."""
    with pytest.raises(MigrationRefused, match=r"no \.sql files"):
        migrate.known(tmp_path)


@pytest.mark.system
def test_applies_once_in_order(connection: Connection, directory: Path) -> None:
    """What is missing is applied and named; a second run does nothing."""
    assert applied(connection, directory) == ["0001_one.sql", "0002_two.sql"]
    assert applied(connection, directory) == []

    (directory / "0003_three.sql").write_text("ALTER TABLE two ADD c int")
    assert applied(connection, directory) == ["0003_three.sql"]
    rows = connection.execute("SELECT version, length(checksum) FROM schema_migrations ORDER BY 1")
    assert rows.fetchall() == [(1, 64), (2, 64), (3, 64)]


@pytest.mark.system
def test_pending_only_reads(connection: Connection, directory: Path) -> None:
    """What is missing can be asked for: all of a fresh database, which stays as it was."""
    connection.execute("SET default_transaction_read_only = on")
    assert [one.version for one in migrate.pending(connection, directory)] == [1, 2]
    connection.execute("SET default_transaction_read_only = off")
    applied(connection, directory)
    (directory / "0003_three.sql").write_text("SELECT 3")
    connection.execute("SET default_transaction_read_only = on")
    assert [one.name for one in migrate.pending(connection, directory)] == ["0003_three.sql"]


@pytest.mark.system
def test_failure_leaves_the_database_as_it_was(connection: Connection, directory: Path) -> None:
    """One bad statement undoes all that this run did."""
    (directory / "0003_three.sql").write_text("CREATE TABLE three (); SELECT no_such_thing")

    with pytest.raises(psycopg.Error):
        applied(connection, directory)

    tables = connection.execute(
        "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
    ).fetchone()
    assert tables == (0,)


@pytest.mark.system
def test_changed_file_is_refused(connection: Connection, directory: Path) -> None:
    """A migration that was applied must stay as it was."""
    applied(connection, directory)
    (directory / "0001_one.sql").write_text("CREATE TABLE one (a bigint)")

    with pytest.raises(MigrationRefused, match=r"0001_one\.sql is not what was applied"):
        applied(connection, directory)
    with pytest.raises(MigrationRefused, match=r"0001_one\.sql is not what was applied"):
        migrate.pending(connection, directory)


@pytest.mark.system
def test_newer_database_is_refused(connection: Connection, directory: Path) -> None:
    """An older program keeps off a database that a newer one migrated."""
    applied(connection, directory)
    (directory / "0002_two.sql").unlink()

    with pytest.raises(MigrationRefused, match=r"0002_two\.sql, which this relayd does not know"):
        applied(connection, directory)
    with pytest.raises(MigrationRefused, match=r"0002_two\.sql, which this relayd does not know"):
        migrate.pending(connection, directory)


@pytest.mark.system
def test_gap_is_refused(connection: Connection, directory: Path) -> None:
    """A database that lacks an earlier migration is not guessed at."""
    applied(connection, directory)
    connection.execute("DELETE FROM schema_migrations WHERE version = 1")

    with pytest.raises(MigrationRefused, match="lacks migration 0001"):
        applied(connection, directory)
    with pytest.raises(MigrationRefused, match="lacks migration 0001"):
        migrate.pending(connection, directory)


@pytest.mark.system
def test_two_daemons_may_start_at_once(
    connection: Connection, empty_database_url: str, directory: Path
) -> None:
    """The second waits for the first and then finds nothing to do."""
    results: list[list[str]] = []

    def start() -> None:
        with psycopg.connect(empty_database_url) as own:
            results.append(migrate.apply(own, directory))

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(map(len, results)) == [0, 0, 0, 2]
