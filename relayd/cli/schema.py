"""Whether the database's schema is this version's, before a command reads or writes it."""

from typing import TYPE_CHECKING

from relayd.errors import OperatorError

if TYPE_CHECKING:
    from relayd.database.pool import Connection

__all__ = ["pending", "ready"]


def pending(connection: "Connection") -> list[str]:
    """The names of migrations that this database has not seen; reads only."""
    from relayd.database.migrate import schema_directory

    names = sorted(file.name for file in schema_directory().glob("*.sql"))
    if _is_fresh(connection):
        return names
    applied = {row[0] for row in connection.execute("SELECT name FROM schema_migrations")}
    return [name for name in names if name not in applied]


def ready(connection: "Connection") -> None:
    """Make a fresh database's schema; else see that it is this version's, whole and unchanged.

    A database in use is not migrated in passing: older daemons may be serving on it.
    Raises OperatorError.
    """
    from relayd.database import migrate

    missing = [] if _is_fresh(connection) else pending(connection)
    if missing:
        names = ", ".join(missing)
        raise OperatorError(f"the database lacks {names}: run `relayd migrate` first")
    migrate.apply(connection)


def _is_fresh(connection: "Connection") -> bool:
    row = connection.execute("SELECT to_regclass('schema_migrations') IS NULL").fetchone()
    assert row is not None
    return bool(row[0])
