"""A database → a file."""

import os
from collections.abc import Sequence
from pathlib import Path

import psycopg
from psycopg import sql

import relayd
from relayd.backups import manifest as manifests
from relayd.backups.manifest import Manifest
from relayd.backups.tools import find_tools
from relayd.database import migrate
from relayd.database.ports import Connection
from relayd.database.refusals import outages
from relayd.errors import OperatorError
from relayd.ledger.audit import audit
from relayd.ledger.outcomes import Discrepancy

__all__ = ["back_up", "count_rows"]


def back_up(url: str, path: Path, pepper_mark: str) -> Manifest:
    """Write the database to a file that isn't there yet, readable by its owner only.

    Dump, audit and count see one snapshot, whatever daemons write meanwhile. The file has its name
    once it is whole. Raises `OperatorError`; then there is no file. Blocks.
    """
    if path.exists():
        raise OperatorError(f"{path} exists and is left as it is: name another file")
    unfinished = path.with_name(f"{path.name}.part")
    try:
        # Not by pg_dump: whether we may write there is ours to say, before anything is asked.
        os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        with outages(), psycopg.connect(url) as connection:
            made = _dump(connection, url, unfinished, pepper_mark)
        sealed = manifests.seal(unfinished, made)
        # Unlike a rename this never replaces one that came meanwhile.
        os.link(unfinished, path)
    except OSError as error:
        raise OperatorError(f"{path} can't be written: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return sealed


def count_rows(connection: Connection) -> dict[str, int]:
    """How many rows each table has, but of those that a crash may empty anyway."""
    tables = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
        " AND relkind = 'r' AND relpersistence = 'p' ORDER BY 1"
    ).fetchall()
    counts = {}
    for (table,) in tables:
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
        row = connection.execute(query).fetchone()
        assert row is not None
        counts[table] = row[0]
    return counts


def _dump(connection: Connection, url: str, path: Path, pepper_mark: str) -> Manifest:
    """Fill the file; the manifest that belongs to it, without its checksum."""
    major = connection.info.server_version // 10_000
    tools = find_tools(major)
    missing = migrate.pending(connection)
    applied = len(migrate.known()) - len(missing)
    if not applied:
        raise OperatorError("the database has no tables of relayd's: is database.url right?")
    connection.rollback()
    findings = _take_snapshot(connection, audited=not missing)
    row = connection.execute("SELECT pg_export_snapshot(), current_schema()").fetchone()
    assert row is not None
    snapshot, schema = row
    tools.run(
        "pg_dump",
        "--format=custom",
        "--no-owner",
        "--no-privileges",
        "--no-unlogged-table-data",
        f'--schema="{schema}"',
        f"--snapshot={snapshot}",
        f"--file={path}",
        url=url,
    )
    return Manifest(
        relayd=relayd.__version__,
        made_at=manifests.now(),
        postgresql=major,
        schema=schema,
        migration=applied,
        rows=count_rows(connection),
        balanced=None if findings is None else not findings,
        pepper_mark=pepper_mark,
    )


def _take_snapshot(connection: Connection, *, audited: bool) -> Sequence[Discrepancy] | None:
    """Begin the transaction whose snapshot is dumped; what its audit found, where it is made.

    An older schema can't be audited: the rules are written for this program's.
    """
    findings = audit(connection) if audited else None
    if not audited:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    # It stays open and idle for as long as pg_dump works.
    connection.execute(
        "SELECT set_config('idle_in_transaction_session_timeout', '0', true),"
        " set_config('statement_timeout', '0', true)"
    )
    return findings
