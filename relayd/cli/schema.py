"""The database's schema is this version's, before a command reads or writes it."""

from typing import TYPE_CHECKING

from relayd.errors import OperatorError

if TYPE_CHECKING:
    from relayd.database.ports import Connection

__all__ = ["ready"]


def ready(connection: "Connection") -> None:
    """Make a fresh database's schema; else see that it is this version's, whole and unchanged.

    A database in use is not migrated in passing: older daemons may be serving on it.
    Raises OperatorError.
    """
    from relayd.database import migrate

    missing = migrate.pending(connection)
    if not missing:
        return
    if missing[0].version > 1:
        names = ", ".join(migration.name for migration in missing)
        raise OperatorError(f"the database lacks {names}: run `relayd migrate` first")
    migrate.apply(connection)
