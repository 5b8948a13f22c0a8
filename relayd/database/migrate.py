"""Numbered SQL files, applied once each, in order.

All pending ones go into one transaction under an advisory lock: two daemons that start at
the same moment are safe, and a file that fails leaves the database as it was. A database
that this program does not understand is refused rather than guessed at.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import attrs
import psycopg

import relayd
from relayd.database.ports import Connection
from relayd.database.refusals import schema_refusals
from relayd.errors import DatabaseRefused, MigrationRefused

__all__ = [
    "Migration",
    "apply",
    "build",
    "known",
    "pending",
    "rehearse",
    "schema_directory",
]

# Any fixed number serves: it names this lock among all advisory locks of the database.
LOCK: Final = 0x72656C617964
# A start beside another daemon waits for its migrations, instead of the pool's deadlines.
LOCK_TIMEOUT: Final = "60s"
STATEMENT_TIMEOUT: Final = "10min"
# PostgreSQL 14: the oldest that every statement is tried on.
SERVER_VERSION_LEAST: Final = 140_000
NAME: Final = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")


@attrs.frozen
class Migration:
    """One file of the schema."""

    version: int
    name: str
    sql: bytes

    @property
    def checksum(self) -> str:
        """SHA-256 of the file as it is on disk."""
        return hashlib.sha256(self.sql).hexdigest()


def schema_directory() -> Path:
    """Where the files are: beside the package in a checkout, inside it when installed."""
    package = Path(relayd.__file__).parent
    installed = package / "schema"
    return installed if installed.is_dir() else package.parent / "schema"


def apply(connection: Connection, directory: Path | None = None) -> list[str]:
    """Apply what is missing and return its names; the caller commits.

    Raises `MigrationRefused` where files and database disagree, or PostgreSQL refuses.
    """
    connection.execute(
        "SELECT set_config('lock_timeout', %s, true), set_config('statement_timeout', %s, true)",
        (LOCK_TIMEOUT, STATEMENT_TIMEOUT),
    )
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
    missing = pending(connection, directory)
    with schema_refusals():
        build(connection, missing)
    return [migration.name for migration in missing]


def build(connection: Connection, migrations: Sequence[Migration]) -> None:
    """Run these in the schema that comes first in the search path, and record them there."""
    connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations ("
        " version integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL,"
        " applied_at timestamptz NOT NULL DEFAULT now())"
    )
    for migration in migrations:
        connection.execute(migration.sql)
        connection.execute(
            "INSERT INTO schema_migrations (version, name, checksum) VALUES (%s, %s, %s)",
            (migration.version, migration.name, migration.checksum),
        )


def rehearse(connection: Connection) -> list[Migration]:
    """What `apply` would apply, after trying it on a fresh database and undoing it.

    One in use is not tried: its tables would be locked. Raises as `apply` does.
    """
    missing = pending(connection)
    if missing and missing[0].version == 1:
        with connection.transaction(force_rollback=True):
            apply(connection)
    return missing


def pending(connection: Connection, directory: Path | None = None) -> list[Migration]:
    """What `apply` would apply; only reads. From version 1 on it is all, for a fresh database.

    Raises `MigrationRefused` unless the applied ones are ours, whole and in order, and
    `DatabaseRefused` where the server is too old.
    """
    server = connection.info.server_version
    if server < SERVER_VERSION_LEAST:
        raise DatabaseRefused(f"this is PostgreSQL {server // 10_000}: use version 14 or later")
    migrations = known(directory)
    with schema_refusals():
        applied = _applied(connection)
    for position, (version, name, checksum) in enumerate(applied, start=1):
        if version != position:
            raise MigrationRefused(
                f"the database lacks migration {position:04} but has {name}. "
                "Somebody changed schema_migrations: restore it from a backup."
            )
        if version > len(migrations):
            raise MigrationRefused(
                f"the database has {name}, which this relayd does not know. "
                "Use the relayd that applied it, or a later one."
            )
        ours = migrations[position - 1]
        if checksum != ours.checksum or name != ours.name:
            raise MigrationRefused(
                f"{ours.name} is not what was applied to the database as {name} "
                f"(sha-256 {checksum[:12]}, now {ours.checksum[:12]}). Put the file back as "
                "it was; changes belong in a new migration."
            )
    return migrations[len(applied) :]


def known(directory: Path | None = None) -> list[Migration]:
    """Those that came with this program, in order. Raises `MigrationRefused` where they don't."""
    directory = directory or schema_directory()
    files = sorted(directory.glob("*.sql"))
    matches = [(NAME.fullmatch(file.name), file) for file in files]
    wrong = [file.name for match, file in matches if match is None]
    if wrong or not files:
        what = ", ".join(wrong) or "no .sql files"
        raise MigrationRefused(
            f"{directory} holds {what}; migrations are named like 0001_accounts.sql. "
            "Install relayd again."
        )
    found = [
        Migration(int(match[1]), file.name, file.read_bytes()) for match, file in matches if match
    ]
    if [migration.version for migration in found] != list(range(1, len(found) + 1)):
        names = ", ".join(migration.name for migration in found)
        raise MigrationRefused(
            f"the migrations in {directory} are not numbered 1, 2, 3 …: {names}. "
            "Install relayd again."
        )
    return found


def _applied(connection: Connection) -> list[tuple[int, str, str]]:
    row = connection.execute("SELECT to_regclass('schema_migrations') IS NULL").fetchone()
    assert row is not None
    if row[0]:
        return []
    try:
        return connection.execute(
            "SELECT version, name, checksum FROM schema_migrations ORDER BY version"
        ).fetchall()
    except psycopg.errors.UndefinedColumn as error:
        raise MigrationRefused(
            "the table schema_migrations is another program's, so this is its database: give "
            "relayd one of its own"
        ) from error
