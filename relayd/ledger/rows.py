"""The rows that decide about credit, read under their locks and written back.

Whoever changes credit locks the user's row of `credit_balance` first, so that two
transactions of one user never see the same free credit.
"""

from uuid import UUID

import attrs

from relayd.database.pool import Connection
from relayd.ledger.holds import Account
from relayd.session.ports import OpenRequest

__all__ = [
    "Company",
    "Session",
    "company",
    "insert_session",
    "lock_account",
    "lock_session",
    "write_account",
    "write_session",
]


@attrs.frozen
class Session:
    """A locked row of `transcription_sessions`."""

    id: UUID
    ended: bool
    used_ms: int
    held_ms: int
    sign_in_id: UUID | None
    boot_ended: bool


@attrs.frozen
class Company:
    """The rest of what decides a renewal, read under the lock: sign-in and other sessions."""

    revoked: bool
    sessions: int
    starving: int
    ahead: int


def lock_account(connection: Connection, user_id: UUID) -> Account | None:
    """The user's balance, locked until the transaction ends."""
    row = connection.execute(
        "SELECT user_id, balance_ms, held_ms, debt_ms, frozen_since IS NOT NULL FROM credit_balance"
        " WHERE user_id = %s FOR UPDATE",
        (user_id,),
    ).fetchone()
    return None if row is None else Account(*row)


def lock_session(connection: Connection, session_id: UUID) -> tuple[Session, Account] | None:
    """A session and its user's balance, both as they stand after any wait for their locks."""
    row = connection.execute(
        "SELECT s.id, s.ended_at IS NOT NULL, s.used_ms, s.held_ms, s.sign_in_id,"
        " b.ended_at IS NOT NULL,"
        " a.user_id, a.balance_ms, a.held_ms, a.debt_ms, a.frozen_since IS NOT NULL"
        " FROM credit_balance AS a JOIN transcription_sessions AS s USING (user_id)"
        " JOIN boots AS b USING (boot_id)"
        " WHERE s.id = %s FOR UPDATE OF a, s",
        (session_id,),
    ).fetchone()
    return None if row is None else (Session(*row[:6]), Account(*row[6:]))


def company(
    connection: Connection, user_id: UUID, session_id: UUID, sign_in_id: UUID | None
) -> Company:
    """What else decides: an ended sign-in or account, and the user's other open sessions."""
    row = connection.execute(
        """
        SELECT u.disabled_at IS NOT NULL
               OR (%(sign_in)s::uuid IS NOT NULL AND NOT EXISTS (
                   SELECT FROM sign_ins AS f
                   WHERE f.id = %(sign_in)s AND f.user_id = u.id AND f.revoked_at IS NULL)),
               count(o.id),
               count(o.starving_since),
               count(*) FILTER (WHERE (o.starving_since, o.id)
                                    < (coalesce(s.starving_since, 'infinity'), %(session)s::uuid))
        FROM users AS u
        LEFT JOIN transcription_sessions AS s ON s.id = %(session)s
        LEFT JOIN transcription_sessions AS o
               ON o.user_id = u.id AND o.ended_at IS NULL AND o.id <> %(session)s
        WHERE u.id = %(user)s
        GROUP BY u.id
        """,
        {"user": user_id, "session": session_id, "sign_in": sign_in_id},
    ).fetchone()
    assert row is not None, "a balance without a user"
    return Company(*row)


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
            request.principal.family_id,
            boot_id,
            request.engine,
            request.model,
            request.client_address,
            held_ms,
            held_ms == 0,
        ),
    )


def write_session(
    connection: Connection, session_id: UUID, used_ms: int, held_ms: int, account: Account
) -> None:
    """Record a session's totals and its user's balance."""
    connection.execute(
        """
        WITH session AS (
            UPDATE transcription_sessions
            SET used_ms = %(used)s, held_ms = %(held)s,
                -- The clock after the lock, not the transaction's: this orders the starving.
                starving_since = CASE WHEN %(used)s = %(held)s
                                      THEN coalesce(starving_since, clock_timestamp()) END
            WHERE id = %(id)s
        )
        UPDATE credit_balance
        SET balance_ms = %(balance)s, held_ms = %(all_held)s, debt_ms = %(debt)s
        WHERE user_id = %(user)s
        """,
        {
            "id": session_id,
            "used": used_ms,
            "held": held_ms,
            "user": account.user_id,
            "balance": account.balance_ms,
            "all_held": account.held_ms,
            "debt": account.debt_ms,
        },
    )


def write_account(connection: Connection, account: Account) -> None:
    """Record a user's balance; the constraints have the last word."""
    connection.execute(
        "UPDATE credit_balance SET balance_ms = %s, held_ms = %s, debt_ms = %s WHERE user_id = %s",
        (account.balance_ms, account.held_ms, account.debt_ms, account.user_id),
    )
