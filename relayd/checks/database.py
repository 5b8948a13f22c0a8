"""PostgreSQL as `relayd serve` would find it, and what a restore may have left undone."""

from collections.abc import Iterator, Sequence
from typing import Final

import attrs
import psycopg
import trio

from relayd import config
from relayd.checks.finding import Finding
from relayd.database import migrate, shape
from relayd.database.opening import open_configured
from relayd.database.ports import Connection, Database
from relayd.errors import DatabaseUnavailable, OperatorError
from relayd.ledger.audit import audit

__all__ = ["judge"]

# Parts of the schema, and migrations, that are named; a restore that stopped early lacks dozens.
_NAMED_MAX: Final = 5


async def judge(settings: config.Database) -> Sequence[Finding]:
    """Whether it is there and takes us; whether schema and books are whole, or can be made."""
    limiter = trio.CapacityLimiter(1)
    try:
        async with open_configured(attrs.evolve(settings, pool_size=1), limiter) as database:
            found = await _look(database, "embedded" if settings.embedded else "PostgreSQL")
    except* (DatabaseUnavailable, OperatorError) as group:
        # Its text says what to do.
        found = [Finding("database", well=False, detail=str(next(_leaves(group))))]
    return found


async def _look(database: Database, kind: str) -> list[Finding]:
    version, pending = await database.transact(_version_and_pending)
    detail = f"{kind}, version {version // 10_000}"
    if pending:
        named = ", ".join(pending)
        if len(pending) > _NAMED_MAX:
            named = f"{len(pending)} steps, {pending[0]} to {pending[-1]}"
        detail += f", to be migrated: {named}"
        remedy = "`relayd serve` will do it when it starts, or `relayd migrate` now"
        return [Finding("database", well=True, detail=detail, remedy=remedy)]
    schema = await database.transact(_schema)
    found = [Finding("database", well=True, detail=detail), schema]
    # Where tables are missing, the audit has nothing to read.
    return [*found, await database.transact(_books)] if schema.well else found


def _version_and_pending(connection: Connection) -> tuple[int, list[str]]:
    missing = migrate.rehearse(connection)
    return connection.info.server_version, [migration.name for migration in missing]


def _schema(connection: Connection) -> Finding:
    try:
        different = shape.differences(connection)
    except psycopg.errors.InsufficientPrivilege:
        remedy = "GRANT CREATE ON DATABASE … TO …, to have it compared with what relayd makes"
        return Finding("schema", True, "not compared: it takes a schema beside it", remedy)
    if not different:
        return Finding("schema", True, "up to date and whole")
    named = ", ".join(different[:_NAMED_MAX])
    more = f", and {len(different) - _NAMED_MAX} more" if len(different) > _NAMED_MAX else ""
    remedy = (
        "was a restore left half done? `relayd restore --replace` brings a whole one back; what "
        "somebody changed by hand has to be put back by hand"
    )
    return Finding("schema", False, named + more, remedy)


def _books(connection: Connection) -> Finding:
    findings = audit(connection)
    if not findings:
        return Finding("books", True, "balanced")
    rules = list(dict.fromkeys(one.rule for one in findings))
    return Finding("books", False, f"broken: {'; '.join(rules)}", "`relayd audit` shows the rows")


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _leaves(one)
    else:
        yield error
