"""A file → a database: all of it or nothing.

One transaction drops what is to be replaced, runs what pg_restore makes of the archive, and then
looks: as many rows as the backup counted, and books that balance if they did. Only then it is
committed, so a file that ends half way or an audit that finds something leaves the database as it
was. PostgreSQL checks every constraint while it builds it.
"""

import contextlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import psycopg
from psycopg import sql

from relayd.backups.backup import count_rows
from relayd.backups.manifest import Manifest, read_manifest
from relayd.backups.tools import ToolFailed, Tools, find_tools, said
from relayd.database import migrate, shape
from relayd.database.ports import Connection
from relayd.database.refusals import outages, schema_refusals
from relayd.errors import OperatorError
from relayd.ledger.audit import RULES, audit
from relayd.ledger.outcomes import Discrepancy

__all__ = ["Obstacle", "Restored", "restore"]

_PIPE_BYTES: Final = 1024 * 1024
# What a connection that was closed a moment ago may still be seen for.
_LEAVING_SECONDS: Final = 1.0
# Terse: an error comes without the row that it is about.
_PSQL: Final = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--set=VERBOSITY=terse")


@attrs.frozen
class Obstacle:
    """Why nothing was restored: there is something that would be lost."""

    # Rows by table.
    rows: Mapping[str, int]


@attrs.frozen
class Restored:
    """What came back, and what the audit finds in it now."""

    manifest: Manifest
    findings: Sequence[Discrepancy]


def restore(url: str, path: Path, *, replace: bool) -> Restored | Obstacle:
    """Restore a backup into an empty database; with ``replace`` instead of what is there.

    An older schema is brought up to this program's. Raises `OperatorError`; then the database is
    as it was, unless it says otherwise. Blocks.
    """
    manifest = read_manifest(path)
    with outages(), psycopg.connect(url, autocommit=True) as connection:
        server = connection.info.server_version // 10_000
        if server < manifest.postgresql:
            raise OperatorError(
                f"the backup is of PostgreSQL {manifest.postgresql} and the server is {server}: "
                "restore it to that version or a later one"
            )
        tools = find_tools(server)
        _refuse_other_schema(connection, manifest)
        _refuse_daemons(connection)
        there = count_rows(connection)
        if there and not replace:
            return Obstacle(there)
        with schema_refusals():
            before = _drops(connection) if there else []
    _run(tools, url, path, manifest, before)
    with outages(), psycopg.connect(url) as connection:
        migrate.apply(connection)
        connection.commit()
        return Restored(manifest, _verified(connection))


def _verified(connection: Connection) -> Sequence[Discrepancy]:
    """The schema is whole, or it raises; then what the audit finds."""
    different = shape.differences(connection)
    if different:
        raise OperatorError(
            f"the restored schema is not what relayd made: {', '.join(different)}. The database "
            "holds the backup as it was; don't serve on it"
        )
    # The planner knows nothing of rows that came by COPY.
    connection.execute("ANALYZE")
    connection.commit()
    return audit(connection)


def _refuse_other_schema(connection: Connection, manifest: Manifest) -> None:
    row = connection.execute("SELECT current_schema()").fetchone()
    if row is None or row[0] != manifest.schema:
        raise OperatorError(
            f"the backup's tables are in the schema {manifest.schema!r}, and the search_path of "
            f"database.url leads to {row and row[0]!r}: make them the same"
        )


def _refuse_daemons(connection: Connection) -> None:
    """Their sessions would be settled against books that are not theirs."""
    until = time.monotonic() + _LEAVING_SECONDS
    while True:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'relayd' AND pid <> pg_backend_pid()"
        ).fetchone()
        if row is not None and not row[0]:
            return
        if time.monotonic() >= until:
            raise OperatorError("a relayd is connected to this database: stop it first")
        time.sleep(0.05)


def _drops(connection: Connection) -> list[str]:
    """What removes ours and nothing else: somebody's view on it makes the whole restore fail."""
    ours = shape.objects(connection)
    return [
        f"DROP TABLE IF EXISTS {', '.join(map(_quoted, ours['table']))};",
        *(f"DROP SEQUENCE IF EXISTS {_quoted(one)};" for one in ours["sequence"]),
        *(f"DROP FUNCTION IF EXISTS {_quoted(one)};" for one in ours["function"]),
    ]


def _run(tools: Tools, url: str, path: Path, manifest: Manifest, before: Sequence[str]) -> None:
    """Let psql do all of it in one transaction. Raises `ToolFailed`; then nothing was done."""
    with (
        tempfile.TemporaryFile() as from_restore,
        tempfile.TemporaryFile() as from_psql,
        _started(
            tools.script(path, manifest.schema), stdout=subprocess.PIPE, stderr=from_restore
        ) as reader,
        _started(
            tools.command("psql", url, *_PSQL),
            env=tools.environment(url),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=from_psql,
        ) as psql,
    ):
        assert reader.stdout is not None
        assert psql.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            psql.stdin.write("\n".join(["BEGIN;", *before, ""]).encode())
            shutil.copyfileobj(reader.stdout, psql.stdin, _PIPE_BYTES)
            if reader.wait() == 0:
                psql.stdin.write("\n".join([*_verification(manifest), "COMMIT;", ""]).encode())
            # Without COMMIT the end of its input rolls everything back.
            psql.stdin.close()
        reader.stdout.close()
        for name, process, told in (
            ("psql", psql, from_psql),
            ("pg_restore", reader, from_restore),
        ):
            if process.wait():
                told.seek(0)
                raise ToolFailed(f"{name} failed, nothing was changed: {said(told.read())}")


@contextmanager
def _started(command: Sequence[str], **pipes: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A process that doesn't outlive what it is for."""
    process = subprocess.Popen(command, **pipes)  # noqa: S603 - a program of PostgreSQL's
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _verification(manifest: Manifest) -> Iterator[str]:
    """Statements that fail unless what came back is what was backed up."""
    yield f"SET LOCAL search_path = {_quoted(manifest.schema)};"
    for table, rows in manifest.rows.items():
        count = sql.SQL("(SELECT count(*) FROM {}) <> {}")
        condition = count.format(sql.Identifier(table), sql.Literal(rows))
        yield _unless(condition, f"{table} has not the {rows} rows of the backup")
    if manifest.balanced and manifest.migration == len(migrate.known()):
        for rule, query in RULES.items():
            condition = sql.SQL("EXISTS ({})").format(sql.SQL(query))
            yield _unless(condition, f"the books do not balance: {rule}")


def _unless(condition: sql.Composed, problem: str) -> str:
    raising = sql.SQL(
        "DO $relayd$ BEGIN IF {} THEN RAISE EXCEPTION USING MESSAGE = {}; END IF; END $relayd$;"
    )
    return raising.format(condition, sql.Literal(problem)).as_string()


def _quoted(name: str) -> str:
    return sql.Identifier(name).as_string()
