"""The renewals of a daemon's sessions, gathered into few transactions.

Each session renews every few seconds at a pace of its own. Four hundred of them would be a hundred
transactions a second, each with a thread, five round trips and a commit to disk. Whoever asks
first does it for all that ask by then; a session that is alone never waits for that.
"""

from typing import Final

import attrs
import trio

from relayd import logs
from relayd.database.ports import Database
from relayd.errors import DatabaseUnavailable
from relayd.ledger.holds import Policy
from relayd.ledger.renewal_statements import Renewal, renew, renew_free
from relayd.session.ports import Renewed, Revoked

__all__ = ["PAUSE_SECONDS", "Renewals", "pause_within"]

log = logs.get(__name__)

# At most, from the beginning of one transaction to that of the next: nothing beside a hold of
# 30 s, and little to wait for on the last second of somebody's credit.
PAUSE_SECONDS: Final = 0.1
# Of one transaction, which locks so many balances for the some milliseconds that it takes.
BATCH: Final = 200


def pause_within(flush_seconds: float) -> float:
    """The pause for sessions that must have recorded what they used within so long."""
    return min(PAUSE_SECONDS, flush_seconds / 20)


@attrs.define(eq=False)
class _Request:
    renewal: Renewal
    taken: bool = False
    answer: Renewed | Revoked | None = None
    # Of the database, when all of the batch failed.
    problem: DatabaseUnavailable | None = None


@attrs.define(eq=False)
class Renewals:
    """Renews a session together with those that ask at the same time."""

    database: Database
    policy: Policy
    pause_seconds: float = PAUSE_SECONDS
    _turn: trio.Lock = attrs.field(factory=trio.Lock)
    _waiting: list[_Request] = attrs.field(factory=list)
    _next_at: float = 0

    async def renew(self, renewal: Renewal) -> Renewed | Revoked:
        """Record a running total and set the hold anew. Raises `DatabaseUnavailable`."""
        request = _Request(renewal)
        self._waiting.append(request)
        try:
            async with self._turn:
                if not request.taken:
                    await trio.sleep_until(self._next_at)
                    self._next_at = trio.current_time() + self.pause_seconds
                    await self._renew_waiting()
        finally:
            if not request.taken:
                # Cancelled: it wants nothing any more.
                self._waiting.remove(request)
        if request.problem is not None:
            raise DatabaseUnavailable(str(request.problem)) from request.problem
        if request.answer is None:
            # Its user's row was in somebody's hands, or it is not open: nobody else waits for that.
            return await self.database.transact(renew, renewal, self.policy)
        return request.answer

    async def _renew_waiting(self) -> None:
        batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
        for request in batch:
            request.taken = True
        try:
            answers = await self.database.transact(
                renew_free, [request.renewal for request in batch], self.policy
            )
        except DatabaseUnavailable as error:
            for request in batch:
                request.problem = error
        except Exception:
            # Each tries alone, where a fault is that session's own.
            log.exception("renewals failed together", sessions=len(batch))
        else:
            for request in batch:
                request.answer = answers.get(request.renewal.session_id)
