"""The transactions that begin and end a session: open, close, sweep.

Each function is one transaction and may be repeated. The user's balance row is locked first,
and everything that decides a hold is read after that lock, so two sessions of one user never
see the same free credit.
"""

from uuid import UUID

from relayd.database.ports import Connection
from relayd.ledger.holds import Account, Policy, Standing, unused_hold
from relayd.ledger.outcomes import SWEPT
from relayd.ledger.rows import (
    Session,
    covered,
    insert_session,
    lock_account,
    lock_session,
    open_sessions,
    sign_in_ended,
    write_account,
)
from relayd.session.ports import Closed, Opened, OpenRefusal, OpenRequest, Settlement

__all__ = [
    "close_session",
    "lock_account",
    "open_session",
    "sweep_session",
    "write_account",
]


def open_session(
    connection: Connection, request: OpenRequest, boot_id: UUID, policy: Policy
) -> Opened | OpenRefusal:
    """Record a session and set its first hold aside; the same id again is the same session."""
    user_id, sign_in_id = request.principal.user_id, request.principal.sign_in_id
    account = lock_account(connection, user_id)
    if account is None:
        return OpenRefusal.AUTH_REVOKED
    known = connection.execute(
        "SELECT used_ms, held_ms FROM transcription_sessions WHERE id = %s AND user_id = %s",
        (request.session_id, user_id),
    ).fetchone()
    if known is not None:
        final = account.balance_ms == known[1] - known[0]
        return Opened(known[1], final=final, balance_ms=account.balance_ms)
    if sign_in_ended(connection, user_id, sign_in_id):
        return OpenRefusal.AUTH_REVOKED
    others = open_sessions(connection, [user_id]).values()
    refusal = _refusal(account, len(others), policy)
    if refusal is not None:
        return refusal
    # Who comes last waits behind all that starve.
    ahead = sum(other.starving_since is not None for other in others)
    standing = Standing(0, 0, sessions=len(others) + 1, ahead=ahead)
    held_ms = unused_hold(account, standing, 0, policy)
    insert_session(connection, request, boot_id, held_ms)
    account = account.holding(held_ms)
    write_account(connection, account)
    return Opened(held_ms, final=account.balance_ms == held_ms, balance_ms=account.balance_ms)


def close_session(connection: Connection, settlement: Settlement) -> Closed:
    """Settle a session, once: what a sweeper or an earlier call charged stays.

    A session that was never recorded owes nothing.
    """
    locked = lock_session(connection, settlement.session_id)
    if locked is None:
        return Closed(charged_ms=0, balance_ms=0)
    session, account = locked
    if session.ended:
        return Closed(charged_ms=session.used_ms, balance_ms=account.balance_ms)
    total = covered(session.id, settlement.used_ms, session.used_ms, session.held_ms)
    return _settle(
        connection,
        session,
        account,
        total,
        reported_ms=settlement.reported_ms,
        reason=settlement.reason.label,
    )


def sweep_session(connection: Connection, session_id: UUID) -> Closed | None:
    """Settle a session of a dead daemon at its last recorded total.

    None when there is nothing to do: it was settled, or its daemon came back.
    """
    locked = lock_session(connection, session_id)
    if locked is None or locked[0].ended or not locked[0].boot_ended:
        return None
    session, account = locked
    return _settle(connection, session, account, session.used_ms, reported_ms=None, reason=SWEPT)


def _refusal(account: Account, others: int, policy: Policy) -> OpenRefusal | None:
    if account.frozen:
        return OpenRefusal.CREDIT_FROZEN
    if others >= policy.streams_per_user:
        return OpenRefusal.TOO_MANY_SESSIONS
    return OpenRefusal.INSUFFICIENT_CREDITS if account.balance_ms == 0 else None


def _settle(
    connection: Connection,
    session: Session,
    account: Account,
    total: int,
    *,
    reported_ms: int | None,
    reason: str,
) -> Closed:
    assert session.used_ms <= total <= session.held_ms
    account = account.charged(total - session.used_ms).holding(total - session.held_ms)
    connection.execute(
        "UPDATE transcription_sessions SET used_ms = %(used)s, held_ms = %(used)s,"
        " reported_ms = %(reported)s, end_reason = %(reason)s, ended_at = now(),"
        " starving_since = NULL WHERE id = %(id)s",
        {"id": session.id, "used": total, "reported": reported_ms, "reason": reason},
    )
    connection.execute(
        "INSERT INTO usage_ledger (user_id, kind, reference, session_id, amount_ms, reason)"
        " VALUES (%(user)s, 'session', %(id)s::uuid::text, %(id)s, %(amount)s, %(reason)s)",
        {"user": account.user_id, "id": session.id, "amount": -total, "reason": reason},
    )
    write_account(connection, account)
    return Closed(charged_ms=total, balance_ms=account.balance_ms)
