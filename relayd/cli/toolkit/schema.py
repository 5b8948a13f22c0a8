"""The database's schema is this version's, before a command reads or writes it."""

from typing import TYPE_CHECKING

from relayd.errors import OperatorError

if TYPE_CHECKING:
    from relayd.database.ports import Connection

__all__ = ["ready"]


def ready(connection: "Connection") -> None:
    """See that the schema is this version's, whole and unchanged. Raises OperatorError.

    Only `serve` and `migrate` write one. A question must not change what it asks about: on a
    mistyped URL it would make tables in somebody's database and call their books balanced. And a
    database in use may have older daemons serving on it.
    """
    from relayd.database import migrate

    missing = migrate.pending(connection)
    if missing and missing[0].version == 1:
        raise OperatorError(
            "the database has no tables of relayd's: is database.url right? If it is, "
            "run `relayd migrate` first, or start `relayd serve`"
        )
    if missing:
        names = ", ".join(migration.name for migration in missing)
        raise OperatorError(f"the database lacks {names}: run `relayd migrate` first")
