"""What the rest of relayd needs of PostgreSQL: one function is one transaction."""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeAlias, TypeVar

import psycopg
from psycopg.rows import TupleRow

__all__ = ["Connection", "Database"]

Connection: TypeAlias = psycopg.Connection[TupleRow]
P = ParamSpec("P")
T = TypeVar("T")


class Database(Protocol):
    """Runs transactions. Raises `DatabaseUnavailable`, whatever the cause was."""

    async def transact(
        self,
        function: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Call ``function(connection, …)`` in one transaction, committed when it returns.

        It is rolled back when the function raises. Never abandoned: a cancelled caller still
        waits for the outcome. The function must have no effects but those of its transaction,
        because it may be called a second time.
        """

    async def probe(self) -> bool:
        """Whether the database answers, soon; for /health."""
