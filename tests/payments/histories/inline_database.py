"""A `Database` of one connection and no threads: thousands of histories in a minute."""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import attrs
import trio

from relayd.database.ports import Connection

__all__ = ["InlineDatabase"]

P = ParamSpec("P")
T = TypeVar("T")


@attrs.frozen
class InlineDatabase:
    """Within a transaction of its caller's: nothing runs beside it, and nothing is rolled back.

    A function that raises ends the test, so a savepoint for each would only cost time.
    """

    connection: Connection

    async def transact(
        self,
        function: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Call ``function(connection, …)``."""
        await trio.lowlevel.checkpoint()
        return function(self.connection, *args, **kwargs)

    async def probe(self) -> bool:
        """It is there."""
        await trio.lowlevel.checkpoint()
        return True
