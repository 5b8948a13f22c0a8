"""The ledger of streams that only pretend: each has the same credit, which nobody bought.

Nothing of them is in the books. What is real is that their key must be good, as for any stream, and
that there are few of them.
"""

from collections.abc import Sequence
from uuid import UUID

import attrs
import trio

from relayd.errors import DatabaseUnavailable, LedgerUnavailable
from relayd.identity import Principal
from relayd.keys.keys import Keys
from relayd.quotas.limits import Cap, Quotas
from relayd.session.ports import (
    Closed,
    Opened,
    OpenRefusal,
    OpenRequest,
    Renewed,
    Revoked,
    Settlement,
)

__all__ = ["TrialLedger"]


@attrs.define(eq=False)
class TrialLedger:
    """Implements `relayd.session.ports.Ledger` for test keys."""

    keys: Keys
    quotas: Quotas
    # What a stream begins with.
    credit_ms: int
    # At once, of one account.
    streams_max: int
    _open: dict[UUID, Principal] = attrs.field(factory=dict)

    async def open(self, request: OpenRequest) -> Opened | OpenRefusal:
        """See the port."""
        principal = request.principal
        if not await self._is_good(principal):
            return OpenRefusal.AUTH_REVOKED
        if request.session_id not in self._open:
            if await self.quotas.enter(self._places(principal)) is not None:
                return OpenRefusal.TOO_MANY_SESSIONS
            self._open[request.session_id] = principal
        return Opened(self.credit_ms, final=True, balance_ms=self.credit_ms)

    async def recall(self, session_id: UUID, user_id: UUID) -> bool:
        """See the port; what pretends in another process is nobody's loss."""
        return await self.settled(session_id, user_id)

    async def settled(self, session_id: UUID, user_id: UUID) -> bool:
        """See the port."""
        await trio.lowlevel.checkpoint()
        principal = self._open.get(session_id)
        return principal is None or principal.user_id != user_id

    async def renew(self, session_id: UUID, used_ms: int, keep_ms: int) -> Renewed | Revoked:
        """See the port."""
        if not await self._is_good(self._open[session_id]):
            return Revoked.SIGN_IN_ENDED
        return Renewed(self.credit_ms, final=True, wanted=False, balance_ms=self._left(used_ms))

    async def close(self, settlement: Settlement) -> Closed:
        """See the port."""
        principal = self._open.pop(settlement.session_id, None)
        if principal is not None:
            self.quotas.leave(self._places(principal))
        return Closed(charged_ms=0, balance_ms=self._left(settlement.used_ms))

    async def balance_ms(self, user_id: UUID) -> int:
        """See the port."""
        return self.credit_ms

    async def _is_good(self, principal: Principal) -> bool:
        assert principal.test
        try:
            return await self.keys.stands(principal)
        except DatabaseUnavailable as error:
            raise LedgerUnavailable(str(error)) from error

    def _places(self, principal: Principal) -> Sequence[Cap]:
        return [Cap(f"test streams {principal.user_id}", self.streams_max)]

    def _left(self, used_ms: int) -> int:
        return self.credit_ms - used_ms
