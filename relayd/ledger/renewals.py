"""The renewals of a daemon's sessions, gathered into few transactions.

Each session renews every few seconds at a pace of its own. Four hundred of them would be a hundred
transactions a second, each with a thread, five round trips and a commit to disk. Whoever asks
first does it for all that ask by then; a session that is alone never waits for that.

In a transaction the balances are locked first, and all that decides a hold is read after that, so
two sessions of one user never see the same free credit.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Final
from uuid import UUID

import attrs
import trio

from relayd import logs
from relayd.database.ports import Connection, Database
from relayd.errors import DatabaseUnavailable
from relayd.ledger import balances, boots, lot_rows
from relayd.ledger.holds import Account, Policy, SessionStanding, unused_hold
from relayd.ledger.sessions import OpenSession, covered, open_sessions
from relayd.session.ports import Renewed, Revoked

__all__ = ["PAUSE_SECONDS", "Renewal", "Renewals", "pause_within", "renew", "renew_free"]

log = logs.get(__name__)

# At most, from the beginning of one transaction to that of the next: nothing beside a hold of
# 30 s, and little to wait for on the last second of somebody's credit.
PAUSE_SECONDS: Final = 0.25
# Of one transaction, which locks that many balances for the few milliseconds it takes.
BATCH: Final = 200


@attrs.frozen
class Renewal:
    """What a session has used, and up to where its hold must stay: running totals."""

    session_id: UUID
    used_ms: int
    keep_ms: int


def pause_within(flush_seconds: float) -> float:
    """The pause for sessions that must have recorded what they used within so long."""
    return min(PAUSE_SECONDS, flush_seconds / 20)


@attrs.define(eq=False)
class _Request:
    renewal: Renewal
    taken: bool = False
    # Its transaction is over.
    done: bool = False
    answer: Renewed | Revoked | None = None
    # Of the database, when all of the batch failed.
    problem: DatabaseUnavailable | None = None


@attrs.define(eq=False)
class Renewals:
    """Renews a session together with those that ask at the same time."""

    database: Database
    policy: Policy
    pause_seconds: float = PAUSE_SECONDS
    _waiting: list[_Request] = attrs.field(factory=list)
    # Set once the transaction that somebody sees to is over; None while nobody does.
    _under_way: trio.Event | None = None
    _next_at: float = 0

    async def renew(self, renewal: Renewal) -> Renewed | Revoked:
        """Record a running total and set the hold anew. Raises `DatabaseUnavailable`."""
        request = _Request(renewal)
        self._waiting.append(request)
        try:
            while not request.done:
                if self._under_way is None:
                    await self._see_to_waiting()
                else:
                    await self._under_way.wait()
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

    async def _see_to_waiting(self) -> None:
        """Renew those who wait by then, as soon as the next transaction may begin."""
        over = self._under_way = trio.Event()
        try:
            await trio.sleep_until(self._next_at)
            self._next_at = trio.current_time() + self.pause_seconds
            await self._renew_waiting()
        finally:
            # All of them wake at once, and go round Trio's loop together.
            self._under_way = None
            over.set()

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
        finally:
            for request in batch:
                request.done = True


def renew(connection: Connection, renewal: Renewal, policy: Policy) -> Renewed | Revoked:
    """Renew one session, waiting for whoever changes its user's credit at the moment."""
    accounts = _lock(connection, [renewal.session_id], wait=True)
    for account in accounts.values():
        if account.lots_due:
            accounts[account.user_id] = lot_rows.collect(connection, account)
            balances.write(connection, accounts[account.user_id])
    answers = _renew(connection, accounts, [renewal], policy)
    return answers.get(renewal.session_id, Revoked.SESSION_SETTLED)


def renew_free(
    connection: Connection, renewals: Sequence[Renewal], policy: Policy
) -> dict[UUID, Renewed | Revoked]:
    """Renew those whose users' credit nobody else is changing; it waits for no lock.

    Left out, so that each can be renewed alone, are the others, those that are not open, and those
    on credit that has run out: what one of them lets go of is nobody's any more.
    """
    found = _lock(connection, [r.session_id for r in renewals], wait=False)
    accounts = {user_id: one for user_id, one in found.items() if not one.lots_due}
    return _renew(connection, accounts, renewals, policy)


def _renew(
    connection: Connection,
    accounts: dict[UUID, Account],
    renewals: Iterable[Renewal],
    policy: Policy,
) -> dict[UUID, Renewed | Revoked]:
    before = dict(accounts)
    sessions = open_sessions(connection, list(accounts))
    by_user: dict[UUID, list[UUID]] = {}
    for opened in sessions.values():
        by_user.setdefault(opened.user_id, []).append(opened.id)
    answers: dict[UUID, Renewed | Revoked] = {}
    for renewal in renewals:
        session = sessions.get(renewal.session_id)
        if session is None:
            continue
        account = accounts[session.user_id]
        others = [sessions[id_] for id_ in by_user[session.user_id] if id_ != session.id]
        sessions[session.id], accounts[session.user_id], answers[session.id] = _decide(
            session, account, others, renewal, policy
        )
    renewed = [sessions[id_] for id_ in answers]
    _write(connection, renewed, {accounts[one.user_id] for one in renewed})
    for user_id in {one.user_id for one in renewed}:
        _change_lots(connection, before[user_id], accounts[user_id])
    # One boot, but for a session that was handed on.
    for boot_id in sorted({one.boot_id for one in renewed}):
        boots.vouch(connection, boot_id)
    return answers


def _decide(
    session: OpenSession,
    account: Account,
    others: Sequence[OpenSession],
    renewal: Renewal,
    policy: Policy,
) -> tuple[OpenSession, Account, Renewed | Revoked]:
    """The session and its user's account after a renewal, and the answer to it.

    A total below the recorded one is a late message: nothing changes.
    """
    total = covered(session.id, renewal.used_ms, session.used_ms, session.held_total_ms)
    account = account.charged(total - session.used_ms)
    unused = session.held_total_ms - total
    revoked = _revoked(session, account)
    if revoked is None and renewal.used_ms >= session.used_ms:
        standing = SessionStanding(
            total,
            session.held_total_ms,
            sessions=len(others) + 1,
            ahead=sum(other.starves_before(session) for other in others),
        )
        unused = unused_hold(account, standing, max(renewal.keep_ms, total), policy)
    account = account.holding(unused - (session.held_total_ms - total))
    session = session.with_totals(total, total + unused)
    if revoked is not None:
        return session, account, revoked
    answer = Renewed(
        held_total_ms=total + unused,
        # All that the user has for streams is in this hold.
        final=account.unreserved_ms == unused,
        wanted=unused > 0 and any(other.starving_since for other in others),
        balance_ms=account.unreserved_ms,
    )
    return session, account, answer


def _revoked(session: OpenSession, account: Account) -> Revoked | None:
    if session.revoked:
        return Revoked.SIGN_IN_ENDED
    return Revoked.CREDIT_FROZEN if account.frozen else None


def _change_lots(connection: Connection, before: Account, after: Account) -> None:
    """What was let go of pays a debt, or has run out; else a renewal is nothing to a lot."""
    paid_ms = before.debt_ms - after.debt_ms
    if after.has_lots and (paid_ms or after.lots_due):
        account = lot_rows.change(connection, after, lambda purse: purse.paid(paid_ms))
        balances.write(connection, account)


def _lock(
    connection: Connection, session_ids: Sequence[UUID], *, wait: bool
) -> dict[UUID, Account]:
    """The balances of these sessions' users, locked, by user.

    Without ``wait`` those that another transaction has locked are left out.
    """
    found = f"""
        SELECT {balances.COLUMNS} FROM credit_balance AS a
        WHERE a.user_id = ANY(ARRAY(SELECT user_id FROM transcription_sessions WHERE id = ANY(%s)))
        FOR UPDATE"""  # noqa: S608 - the columns are a constant
    rows = connection.execute(found if wait else found + " SKIP LOCKED", (list(session_ids),))
    return {row[0]: Account(*row) for row in rows}


def _write(
    connection: Connection, sessions: Sequence[OpenSession], accounts: Collection[Account]
) -> None:
    """Record the totals of sessions and their users' balances."""
    connection.execute(
        """
        WITH session AS (
            UPDATE transcription_sessions AS s
            SET used_ms = new.used_ms, held_ms = new.held_ms, starving_since = new.starving_since
            FROM unnest(%(ids)s::uuid[], %(used)s::bigint[], %(held)s::bigint[],
                        %(starving)s::timestamptz[]) AS new (id, used_ms, held_ms, starving_since)
            WHERE s.id = new.id
        )
        UPDATE credit_balance AS a
        SET balance_ms = new.balance_ms, held_ms = new.held_ms, debt_ms = new.debt_ms
        FROM unnest(%(users)s::uuid[], %(balances)s::bigint[], %(all_held)s::bigint[],
                    %(debts)s::bigint[]) AS new (user_id, balance_ms, held_ms, debt_ms)
        WHERE a.user_id = new.user_id
        """,
        {
            "ids": [session.id for session in sessions],
            "used": [session.used_ms for session in sessions],
            "held": [session.held_total_ms for session in sessions],
            "starving": [session.starving_since for session in sessions],
            "users": [account.user_id for account in accounts],
            "balances": [account.balance_ms for account in accounts],
            "all_held": [account.held_ms for account in accounts],
            "debts": [account.debt_ms for account in accounts],
        },
    )
