"""The transactions that begin and end a session: open, close, sweep.

Each of them may be repeated. The user's balance is locked first, and everything that decides a
hold is read after that lock, so two sessions of one user never see the same free credit.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import attrs

from relayd import logs
from relayd.database.ports import Connection
from relayd.identity import Principal
from relayd.ledger import balances, boots, continuing, lot_rows
from relayd.ledger.holds import Account, Policy, SessionStanding, unused_hold
from relayd.ledger.outcomes import SWEPT
from relayd.session.ports import Closed, Opened, OpenRefusal, OpenRequest, Settlement

__all__ = [
    "OpenSession",
    "close_session",
    "covered",
    "open_session",
    "open_sessions",
    "sweep_session",
]

log = logs.get(__name__)


@attrs.frozen
class OpenSession:
    """An open session, read under the lock of its user's balance."""

    id: UUID
    user_id: UUID
    boot_id: UUID
    used_ms: int
    held_total_ms: int
    starving_since: datetime | None
    # Its sign-in, its key or its account was ended.
    revoked: bool
    # The clock after the lock, not the transaction's: this orders those that starve. All that are
    # read together have the same.
    read_at: datetime

    def starves_before(self, other: "OpenSession") -> bool:
        """Whether it has nothing left, and has waited longer than another one."""
        if self.starving_since is None:
            return False
        if other.starving_since is None:
            return True
        return (self.starving_since, self.id) < (other.starving_since, other.id)

    def with_totals(self, used_ms: int, held_total_ms: int) -> "OpenSession":
        """The same after a renewal."""
        since = (self.starving_since or self.read_at) if used_ms == held_total_ms else None
        return attrs.evolve(
            self, used_ms=used_ms, held_total_ms=held_total_ms, starving_since=since
        )


@attrs.frozen
class _Locked:
    """A locked row of `transcription_sessions`."""

    id: UUID
    ended: bool
    used_ms: int
    held_total_ms: int
    boot_id: UUID


def open_session(
    connection: Connection, request: OpenRequest, boot_id: UUID, policy: Policy
) -> Opened | OpenRefusal:
    """Record a session and set its first hold aside; the same id again is the same session.

    Raises `LedgerUnavailable` for a boot that was taken for dead.
    """
    user_id = request.principal.user_id
    account = balances.lock(connection, user_id)
    if account is None:
        return OpenRefusal.AUTH_REVOKED
    known = connection.execute(
        """
        SELECT used_ms, held_ms, ended_at IS NOT NULL, paid_ms FROM transcription_sessions
        WHERE id = %s AND user_id = %s
        """,
        (request.session_id, user_id),
    ).fetchone()
    if known is not None:
        if known[2]:
            return OpenRefusal.SESSION_SETTLED
        boots.vouch(connection, boot_id)
        final = account.unreserved_ms == known[1] - known[0]
        return Opened(known[1], final=final, balance_ms=account.unreserved_ms, paid_ms=known[3])
    if _credential_ended(connection, request.principal):
        return OpenRefusal.AUTH_REVOKED
    account = _end_continued(connection, request, account)
    others = open_sessions(connection, [user_id]).values()
    refusal = _refusal(account, len(others), policy)
    if refusal is not None:
        return refusal
    # Who comes last waits behind all that starve.
    ahead = sum(other.starving_since is not None for other in others)
    standing = SessionStanding(0, 0, sessions=len(others) + 1, ahead=ahead)
    hold_ms = unused_hold(account, standing, 0, policy)
    paid_ms = continuing.paid_before(connection, request)
    _insert(connection, request, boot_id, hold_ms, paid_ms)
    account = account.holding(hold_ms)
    balances.write(connection, account)
    boots.vouch(connection, boot_id)
    final = account.unreserved_ms == hold_ms
    return Opened(hold_ms, final=final, balance_ms=account.unreserved_ms, paid_ms=paid_ms)


def close_session(connection: Connection, settlement: Settlement) -> Closed:
    """Settle a session, once: what a sweeper or an earlier call charged stays.

    A session that was never recorded owes nothing. Where that isn't known, its user's balance is
    locked first: an opening whose COMMIT was sent holds that lock until it is decided, and one
    whose COMMIT was not sent takes no effect.
    """
    if settlement.unanswered is not None:
        balances.lock(connection, settlement.unanswered.principal.user_id)
    locked = _lock(connection, settlement.session_id)
    if locked is None:
        return Closed(charged_ms=0, balance_ms=0)
    session, account = locked
    if session.ended:
        return Closed(charged_ms=session.used_ms, balance_ms=account.unreserved_ms)
    total = covered(session.id, settlement.used_ms, session.used_ms, session.held_total_ms)
    if total == settlement.used_ms:
        _record_shares(connection, settlement)
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
    locked = _lock(connection, session_id)
    if locked is None:
        return None
    session, account = locked
    # Read and locked after the wait for the balance: meanwhile the daemon may have beaten again.
    if session.ended or not boots.has_ended(connection, session.boot_id):
        return None
    return _settle(connection, session, account, session.used_ms, reported_ms=None, reason=SWEPT)


def open_sessions(connection: Connection, user_ids: Sequence[UUID]) -> dict[UUID, OpenSession]:
    """The open sessions of these users, whose balances are locked."""
    rows = connection.execute(
        """
        SELECT s.id, s.user_id, s.boot_id, s.used_ms, s.held_ms, s.starving_since,
               u.disabled_at IS NOT NULL
               OR (s.sign_in_id IS NOT NULL AND NOT EXISTS (
                   SELECT FROM sign_ins AS f
                   WHERE f.id = s.sign_in_id AND f.user_id = s.user_id AND f.revoked_at IS NULL))
               OR (s.key_id IS NOT NULL AND NOT EXISTS (
                   SELECT FROM api_keys AS k
                   WHERE k.id = s.key_id AND k.user_id = s.user_id AND k.revoked_at IS NULL
                     AND (k.expires_at IS NULL OR k.expires_at > now()))),
               (SELECT clock_timestamp())
        FROM transcription_sessions AS s JOIN users AS u ON u.id = s.user_id
        WHERE s.user_id = ANY(%s) AND s.ended_at IS NULL
        """,
        (list(user_ids),),
    )
    return {row[0]: OpenSession(*row) for row in rows}


def covered(session_id: UUID, used_ms: int, recorded_ms: int, held_total_ms: int) -> int:
    """The running total to record: it never falls, and never exceeds what was set aside."""
    if used_ms > held_total_ms:
        log.error(
            "session used more than it held",
            session=session_id,
            used_ms=used_ms,
            held_total_ms=held_total_ms,
        )
    return min(max(used_ms, recorded_ms), held_total_ms)


def _refusal(account: Account, others: int, policy: Policy) -> OpenRefusal | None:
    if account.frozen:
        return OpenRefusal.CREDIT_FROZEN
    if others >= policy.streams_per_user:
        return OpenRefusal.TOO_MANY_SESSIONS
    return OpenRefusal.INSUFFICIENT_CREDITS if account.unreserved_ms == 0 else None


def _credential_ended(connection: Connection, principal: Principal) -> bool:
    """Whether a sign-in or a key, or its account, was ended."""
    row = connection.execute(
        """
        SELECT u.disabled_at IS NOT NULL
               OR (%(sign_in)s::uuid IS NOT NULL AND NOT EXISTS (
                   SELECT FROM sign_ins AS f
                   WHERE f.id = %(sign_in)s AND f.user_id = u.id AND f.revoked_at IS NULL))
               OR (%(key)s::uuid IS NOT NULL AND NOT EXISTS (
                   SELECT FROM api_keys AS k
                   WHERE k.id = %(key)s AND k.user_id = u.id AND k.revoked_at IS NULL
                     AND (k.expires_at IS NULL OR k.expires_at > now())))
        FROM users AS u WHERE u.id = %(user)s
        """,
        {"user": principal.user_id, "sign_in": principal.sign_in_id, "key": principal.key_id},
    ).fetchone()
    assert row is not None, "a balance without a user"
    return bool(row[0])


def _end_continued(connection: Connection, request: OpenRequest, account: Account) -> Account:
    """Settle what it continues at what was recorded, where nobody did in time; the account then.

    Whoever holds it is out of reach, and learns at its next renewal that it is over.
    """
    before, user_id = request.continues, request.principal.user_id
    if before is None or continuing.is_settled(connection, before.session_id, user_id):
        return account
    locked = _lock(connection, before.session_id)
    assert locked is not None, "an open session without a balance"
    session, account = locked
    log.warning("session settled for one that goes on elsewhere", session=session.id)
    _settle(connection, session, account, session.used_ms, reported_ms=None, reason=SWEPT)
    after = balances.lock(connection, user_id)
    assert after is not None, "a balance is gone"
    return after


def _insert(
    connection: Connection, request: OpenRequest, boot_id: UUID, hold_ms: int, paid_ms: int
) -> None:
    """Record a new session with its first hold."""
    connection.execute(
        """
        INSERT INTO transcription_sessions
            (id, user_id, sign_in_id, key_id, boot_id, engine, model, rate, client_address, held_ms,
             starving_since, continues, paid_ms)
        VALUES (%(id)s, %(user)s, %(sign_in)s, %(key)s, %(boot)s, %(engine)s, %(model)s, %(rate)s,
                %(address)s, %(held)s, CASE WHEN %(held)s = 0 THEN clock_timestamp() END,
                %(continues)s, %(paid)s)
        """,
        {
            "id": request.session_id,
            "user": request.principal.user_id,
            "sign_in": request.principal.sign_in_id,
            "key": request.principal.key_id,
            "boot": boot_id,
            "engine": request.engine,
            "model": request.model,
            "rate": request.tariff.rate,
            "address": request.client_address,
            "held": hold_ms,
            "continues": request.continues.session_id if request.continues and paid_ms else None,
            "paid": paid_ms,
        },
    )


def _lock(connection: Connection, session_id: UUID) -> tuple[_Locked, Account] | None:
    """A session and its user's balance, both as they stand after any wait for their locks."""
    row = connection.execute(
        f"""
        SELECT s.id, s.ended_at IS NOT NULL, s.used_ms, s.held_ms, s.boot_id, {balances.COLUMNS}
        FROM credit_balance AS a JOIN transcription_sessions AS s USING (user_id)
        WHERE s.id = %s FOR UPDATE OF a, s
        """,  # noqa: S608 - the columns are a constant
        (session_id,),
    ).fetchone()
    return None if row is None else (_Locked(*row[:5]), Account(*row[5:]))


def _record_shares(connection: Connection, settlement: Settlement) -> None:
    """Record who heard a session."""
    for share in settlement.shares:
        connection.execute(
            """
            INSERT INTO session_engines
                (session_id, engine, model, rate, charged_ms, streams, last)
            VALUES (%s, %s, %s, %s, %s, %s, %s)
            """,
            (
                settlement.session_id,
                share.hearer.engine,
                share.hearer.model,
                share.hearer.rate,
                share.charged_ms,
                share.streams,
                share.last,
            ),
        )


def _settle(
    connection: Connection,
    session: _Locked,
    account: Account,
    total: int,
    *,
    reported_ms: int | None,
    reason: str,
) -> Closed:
    assert session.used_ms <= total <= session.held_total_ms
    settled = account.charged(total - session.used_ms).holding(total - session.held_total_ms)
    connection.execute(
        """
        UPDATE transcription_sessions
        SET used_ms = %(used)s, held_ms = %(used)s, reported_ms = %(reported)s,
            end_reason = %(reason)s, ended_at = now(), starving_since = NULL
        WHERE id = %(id)s
        """,
        {"id": session.id, "used": total, "reported": reported_ms, "reason": reason},
    )
    connection.execute(
        """
        INSERT INTO usage_ledger (user_id, kind, reference, session_id, amount_ms, reason)
        VALUES (%(user)s, 'session', %(id)s::uuid::text, %(id)s, %(amount)s, %(reason)s)
        """,
        {"user": account.user_id, "id": session.id, "amount": -total, "reason": reason},
    )
    paid_ms = account.debt_ms - settled.debt_ms
    account = lot_rows.change(
        connection, settled, lambda purse: purse.used_by_stream(total).paid(paid_ms)
    )
    balances.write(connection, account)
    return Closed(charged_ms=total, balance_ms=account.unreserved_ms)
