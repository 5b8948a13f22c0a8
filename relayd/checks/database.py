"""PostgreSQL as `relayd serve` would find it."""

from collections.abc import Iterator, Sequence

import attrs
import trio

from relayd import config
from relayd.checks.finding import Finding
from relayd.database import migrate
from relayd.database.opening import open_configured
from relayd.database.ports import Connection
from relayd.errors import DatabaseUnavailable, OperatorError

__all__ = ["judge"]


async def judge(settings: config.Database) -> Sequence[Finding]:
    """Whether it is there, takes us, and has our schema or can get it."""
    kind = "embedded" if settings.embedded else "PostgreSQL"
    limiter = trio.CapacityLimiter(1)
    try:
        async with open_configured(attrs.evolve(settings, pool_size=1), limiter) as database:
            version, pending = await database.transact(_version_and_pending)
    except* (DatabaseUnavailable, OperatorError) as group:
        # Its text says what to do.
        found = [Finding("database", well=False, detail=str(next(_leaves(group))))]
    else:
        found = [_judged(f"{kind}, version {version // 10_000}", pending)]
    return found


def _judged(detail: str, pending: Sequence[str]) -> Finding:
    if pending:
        detail += f", to be migrated: {', '.join(pending)}"
        remedy = "`relayd serve` will do it when it starts, or `relayd migrate` now"
        return Finding("database", well=True, detail=detail, remedy=remedy)
    return Finding("database", well=True, detail=f"{detail}, schema up to date")


def _version_and_pending(connection: Connection) -> tuple[int, list[str]]:
    missing = migrate.rehearse(connection)
    return connection.info.server_version, [migration.name for migration in missing]


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _leaves(one)
    else:
        yield error
