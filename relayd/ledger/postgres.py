"""The session's `Ledger` port on PostgreSQL."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Concatenate, ParamSpec, TypeVar
from uuid import UUID

import attrs

from relayd.database.ports import Connection, Database
from relayd.errors import DatabaseUnavailable, LedgerUnavailable
from relayd.ledger import balances, continuing, sessions
from relayd.ledger.holds import Policy
from relayd.ledger.renewals import PAUSE_SECONDS, Renewal, Renewals
from relayd.session.ports import (
    Closed,
    Opened,
    OpenRefusal,
    OpenRequest,
    Renewed,
    Revoked,
    Settlement,
)

__all__ = ["Policy", "PostgresLedger"]

P = ParamSpec("P")
T = TypeVar("T")


@attrs.define(eq=False)
class PostgresLedger:
    """The ledger of one daemon: its sessions belong to ``boot_id``, which must be registered."""

    database: Database
    boot_id: UUID
    policy: Policy
    # Between transactions that renew.
    pause_seconds: float = PAUSE_SECONDS
    # A first step of the transaction that opens a session: what its user is given for using
    # something now.
    beginning: Callable[[Connection, UUID], object] | None = None
    _renewals: Renewals = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._renewals = Renewals(self.database, self.policy, self.pause_seconds)

    async def open(self, request: OpenRequest) -> Opened | OpenRefusal:
        """See `relayd.session.ports.Ledger`."""
        return await self._run(self._open, request)

    async def recall(self, session_id: UUID, user_id: UUID) -> bool:
        """See `relayd.session.ports.Ledger`."""
        return await self._run(continuing.recall, session_id, user_id)

    async def settled(self, session_id: UUID, user_id: UUID) -> bool:
        """See `relayd.session.ports.Ledger`."""
        return await self._run(continuing.is_settled, session_id, user_id)

    async def renew(self, session_id: UUID, used_ms: int, keep_ms: int) -> Renewed | Revoked:
        """See `relayd.session.ports.Ledger`."""
        assert 0 <= used_ms <= keep_ms
        with _outage_told():
            return await self._renewals.renew(Renewal(session_id, used_ms, keep_ms))

    async def close(self, settlement: Settlement) -> Closed:
        """See `relayd.session.ports.Ledger`."""
        return await self._run(sessions.close_session, settlement)

    async def balance_ms(self, user_id: UUID) -> int:
        """See `relayd.session.ports.Ledger`."""
        balance = await self._run(balances.read, user_id)
        return 0 if balance is None else balance.streams_ms

    def _open(self, connection: Connection, request: OpenRequest) -> Opened | OpenRefusal:
        if self.beginning is not None:
            self.beginning(connection, request.principal.user_id)
        return sessions.open_session(connection, request, self.boot_id, self.policy)

    async def _run(
        self,
        statement: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        with _outage_told():
            return await self.database.transact(statement, *args, **kwargs)


@contextmanager
def _outage_told() -> Iterator[None]:
    """An outage becomes the one that sessions know."""
    try:
        yield
    except DatabaseUnavailable as error:
        raise LedgerUnavailable(str(error)) from error
