"""The rows that decide about credit, read under their locks and written back.

Whoever changes credit locks the user's row of `credit_balance` first, so that two
transactions of one user never see the same free credit.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import attrs

from relayd import logs
from relayd.database.ports import Connection
from relayd.ledger.holds import Account
from relayd.session.ports import OpenRequest

__all__ = [
    "OpenSession",
    "Session",
    "covered",
    "insert_session",
    "lock_account",
    "lock_accounts",
    "lock_session",
    "open_sessions",
    "sign_in_ended",
    "write_account",
    "write_renewed",
]

log = logs.get(__name__)


@attrs.frozen
class Session:
    """A locked row of `transcription_sessions`."""

    id: UUID
    ended: bool
    used_ms: int
    held_ms: int
    boot_ended: bool


@attrs.frozen
class OpenSession:
    """An open session, read under the lock of its user's balance."""

    id: UUID
    user_id: UUID
    used_ms: int
    held_ms: int
    starving_since: datetime | None
    # Its sign-in or its account was ended.
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

    def with_totals(self, used_ms: int, held_ms: int) -> "OpenSession":
        """The same after a renewal."""
        since = (self.starving_since or self.read_at) if used_ms == held_ms else None
        return attrs.evolve(self, used_ms=used_ms, held_ms=held_ms, starving_since=since)


def lock_account(connection: Connection, user_id: UUID) -> Account | None:
    """The user's balance, locked until the transaction ends."""
    row = connection.execute(
        "SELECT user_id, balance_ms, held_ms, debt_ms, frozen_since IS NOT NULL FROM credit_balance"
        " WHERE user_id = %s FOR UPDATE",
        (user_id,),
    ).fetchone()
    return None if row is None else Account(*row)


def lock_accounts(
    connection: Connection, session_ids: Sequence[UUID], *, wait: bool
) -> dict[UUID, Account]:
    """The balances of these sessions' users, locked, by user.

    Without ``wait`` those that another transaction has locked are left out.
    """
    found = (
        "SELECT user_id, balance_ms, held_ms, debt_ms, frozen_since IS NOT NULL FROM credit_balance"
        " WHERE user_id = ANY(ARRAY(SELECT user_id FROM transcription_sessions WHERE id = ANY(%s)))"
        " FOR UPDATE"
    )
    rows = connection.execute(found if wait else found + " SKIP LOCKED", (list(session_ids),))
    return {row[0]: Account(*row) for row in rows}


def lock_session(connection: Connection, session_id: UUID) -> tuple[Session, Account] | None:
    """A session and its user's balance, both as they stand after any wait for their locks."""
    row = connection.execute(
        "SELECT s.id, s.ended_at IS NOT NULL, s.used_ms, s.held_ms,"
        " b.ended_at IS NOT NULL,"
        " a.user_id, a.balance_ms, a.held_ms, a.debt_ms, a.frozen_since IS NOT NULL"
        " FROM credit_balance AS a JOIN transcription_sessions AS s USING (user_id)"
        " JOIN boots AS b USING (boot_id)"
        " WHERE s.id = %s FOR UPDATE OF a, s",
        (session_id,),
    ).fetchone()
    return None if row is None else (Session(*row[:5]), Account(*row[5:]))


def open_sessions(connection: Connection, user_ids: Sequence[UUID]) -> dict[UUID, OpenSession]:
    """The open sessions of these users, whose balances are locked."""
    rows = connection.execute(
        """
        SELECT s.id, s.user_id, s.used_ms, s.held_ms, s.starving_since,
               u.disabled_at IS NOT NULL
               OR (s.sign_in_id IS NOT NULL AND NOT EXISTS (
                   SELECT FROM sign_ins AS f
                   WHERE f.id = s.sign_in_id AND f.user_id = s.user_id AND f.revoked_at IS NULL)),
               (SELECT clock_timestamp())
        FROM transcription_sessions AS s JOIN users AS u ON u.id = s.user_id
        WHERE s.user_id = ANY(%s) AND s.ended_at IS NULL
        """,
        (list(user_ids),),
    )
    return {row[0]: OpenSession(*row) for row in rows}


def sign_in_ended(connection: Connection, user_id: UUID, sign_in_id: UUID | None) -> bool:
    """Whether a sign-in, or its account, was ended. Nobody signed in for None."""
    row = connection.execute(
        """
        SELECT u.disabled_at IS NOT NULL
               OR (%(sign_in)s::uuid IS NOT NULL AND NOT EXISTS (
                   SELECT FROM sign_ins AS f
                   WHERE f.id = %(sign_in)s AND f.user_id = u.id AND f.revoked_at IS NULL))
        FROM users AS u WHERE u.id = %(user)s
        """,
        {"user": user_id, "sign_in": sign_in_id},
    ).fetchone()
    assert row is not None, "a balance without a user"
    return bool(row[0])


def covered(session_id: UUID, used_ms: int, recorded_ms: int, held_ms: int) -> int:
    """The running total to record: it never falls, and never exceeds what was set aside."""
    if used_ms > held_ms:
        log.error(
            "session used more than it held", session=session_id, used_ms=used_ms, held_ms=held_ms
        )
    return min(max(used_ms, recorded_ms), held_ms)


def insert_session(
    connection: Connection, request: OpenRequest, boot_id: UUID, held_ms: int
) -> None:
    """Record a new session with its first hold."""
    connection.execute(
        """
        INSERT INTO transcription_sessions
            (id, user_id, sign_in_id, boot_id, engine, model, client_address, held_ms,
             starving_since)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s,
                CASE WHEN %s THEN clock_timestamp() END)
        """,
        (
            request.session_id,
            request.principal.user_id,
            request.principal.sign_in_id,
            boot_id,
            request.engine,
            request.model,
            request.client_address,
            held_ms,
            held_ms == 0,
        ),
    )


def write_renewed(
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
            "held": [session.held_ms for session in sessions],
            "starving": [session.starving_since for session in sessions],
            "users": [account.user_id for account in accounts],
            "balances": [account.balance_ms for account in accounts],
            "all_held": [account.held_ms for account in accounts],
            "debts": [account.debt_ms for account in accounts],
        },
    )


def write_account(connection: Connection, account: Account) -> None:
    """Record a user's balance; the constraints have the last word."""
    connection.execute(
        "UPDATE credit_balance SET balance_ms = %s, held_ms = %s, debt_ms = %s WHERE user_id = %s",
        (account.balance_ms, account.held_ms, account.debt_ms, account.user_id),
    )
