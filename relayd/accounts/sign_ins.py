"""The transactions of sign-ins: beginning, renewing and ending a family of refresh tokens.

Times are the database's (``now()``), so that several daemons share one clock. Whatever reads a
family to act on it locks its row first: the renewals, the reuse check and the end of one family
happen one after the other, whoever asks.
"""

import datetime as dt
from typing import Final
from uuid import UUID

import attrs

from relayd.accounts.outcomes import RefreshRefusal, User
from relayd.database.ports import Connection

__all__ = [
    "GRACE_SECONDS",
    "Rotation",
    "end_sign_in",
    "end_sign_in_of_token",
    "end_sign_ins",
    "insert_sign_in",
    "is_signed_in",
    "prune",
    "rotate",
    "start_sign_in",
]

# A client whose reply was lost sends the same token again: within this of its first use that
# is answered with another pair. A thief has the same ten seconds, and only these.
GRACE_SECONDS: Final = 10
# A sign-in that ran out is kept this long: a live session may still be renewing on it.
_KEPT_SECONDS: Final = 7 * 86_400


@attrs.frozen
class Rotation:
    """A renewed sign-in."""

    user: User
    sign_in_id: UUID


def start_sign_in(
    connection: Connection,
    user_id: UUID,
    password_hash: str,
    token_hash: bytes,
    refresh_seconds: int,
) -> UUID | None:
    """Begin a family of tokens.

    None where the password that was verified is no longer the user's, or the user was
    disabled meanwhile: a change of password must not be outrun by a login under way.
    """
    # Shares the user's row with other logins, but not with a change of it.
    known = connection.execute(
        """
        SELECT id FROM users WHERE id = %s AND password_hash = %s AND disabled_at IS NULL
        FOR SHARE
        """,
        (user_id, password_hash),
    ).fetchone()
    if known is None:
        return None
    return insert_sign_in(connection, user_id, token_hash, refresh_seconds)


def insert_sign_in(
    connection: Connection, user_id: UUID, token_hash: bytes, refresh_seconds: int
) -> UUID:
    """Add a family with its first refresh token; a step of other transactions."""
    row = connection.execute(
        """
        INSERT INTO sign_ins (user_id, expires_at) VALUES (%s, now() + make_interval(secs => %s))
        RETURNING id
        """,
        (user_id, refresh_seconds),
    ).fetchone()
    assert row is not None
    sign_in_id: UUID = row[0]
    _insert_token(connection, token_hash, sign_in_id, refresh_seconds)
    return sign_in_id


def rotate(
    connection: Connection, presented: bytes, fresh: bytes, refresh_seconds: int
) -> Rotation | RefreshRefusal:
    """Spend one token of a family and add the next; reuse past the grace ends the family."""
    sign_in_id = _lock_family(connection, presented)
    # A second statement, so that it sees what the lock was waiting for.
    row = connection.execute(
        """
        SELECT users.id, users.email, users.created_at, users.disabled_at,
               sign_ins.revoked_at IS NOT NULL,
               refresh_tokens.expires_at <= now(),
               refresh_tokens.spent_at IS NOT NULL,
               refresh_tokens.spent_at < now() - make_interval(secs => %s)
        FROM refresh_tokens
        JOIN sign_ins ON sign_ins.id = refresh_tokens.sign_in_id
        JOIN users ON users.id = sign_ins.user_id
        WHERE refresh_tokens.token_hash = %s
        """,
        (GRACE_SECONDS, presented),
    ).fetchone()
    if sign_in_id is None or row is None:
        return RefreshRefusal.UNKNOWN
    user = User(*row[:4])
    refusal = _refusal(user.disabled_at, *row[4:])
    if refusal is RefreshRefusal.REUSED:
        end_sign_in(connection, sign_in_id)
    if refusal is not None:
        return refusal
    # The first use counts: a repeat within the grace doesn't lengthen it.
    connection.execute(
        "UPDATE refresh_tokens SET spent_at = now() WHERE token_hash = %s AND spent_at IS NULL",
        (presented,),
    )
    _insert_token(connection, fresh, sign_in_id, refresh_seconds)
    connection.execute(
        "UPDATE sign_ins SET expires_at = now() + make_interval(secs => %s) WHERE id = %s",
        (refresh_seconds, sign_in_id),
    )
    return Rotation(user, sign_in_id)


def end_sign_in(connection: Connection, sign_in_id: UUID) -> bool:
    """End a family; False where there was nothing left to end."""
    ended = connection.execute(
        "UPDATE sign_ins SET revoked_at = now() WHERE id = %s AND revoked_at IS NULL",
        (sign_in_id,),
    )
    return ended.rowcount == 1


def end_sign_in_of_token(connection: Connection, presented: bytes) -> bool:
    """End the family of this refresh token, spent or not; False where nothing was to end."""
    sign_in_id = _lock_family(connection, presented)
    return sign_in_id is not None and end_sign_in(connection, sign_in_id)


def end_sign_ins(connection: Connection, user_id: UUID) -> None:
    """End every family of a user."""
    connection.execute(
        "UPDATE sign_ins SET revoked_at = now() WHERE user_id = %s AND revoked_at IS NULL",
        (user_id,),
    )


def is_signed_in(connection: Connection, sign_in_id: UUID, user_id: UUID) -> bool:
    """Whether the family was not ended and its user is not disabled."""
    row = connection.execute(
        """
        SELECT sign_ins.id FROM sign_ins JOIN users ON users.id = sign_ins.user_id
        WHERE sign_ins.id = %s AND users.id = %s
          AND sign_ins.revoked_at IS NULL AND users.disabled_at IS NULL
        """,
        (sign_in_id, user_id),
    ).fetchone()
    return row is not None


def prune(connection: Connection, limit: int) -> int:
    """Delete at most ``limit`` tokens and as many sign-ins long past their time; how many.

    A long-lived family sheds its spent tokens; one that ran out goes whole, tokens and all.
    """
    tokens = connection.execute(
        """
        DELETE FROM refresh_tokens WHERE token_hash IN (
            SELECT token_hash FROM refresh_tokens
            WHERE expires_at < now() - make_interval(secs => %s)
            ORDER BY expires_at LIMIT %s FOR UPDATE SKIP LOCKED)
        """,
        (_KEPT_SECONDS, limit),
    )
    sign_ins = connection.execute(
        """
        DELETE FROM sign_ins WHERE id IN (
            SELECT id FROM sign_ins WHERE expires_at < now() - make_interval(secs => %s)
            ORDER BY expires_at LIMIT %s FOR UPDATE SKIP LOCKED)
        """,
        (_KEPT_SECONDS, limit),
    )
    return tokens.rowcount + sign_ins.rowcount


def _lock_family(connection: Connection, token_hash: bytes) -> UUID | None:
    """The family of a refresh token, locked; None for an unknown token."""
    row = connection.execute(
        """
        SELECT id FROM sign_ins
        WHERE id = (SELECT sign_in_id FROM refresh_tokens WHERE token_hash = %s)
        FOR NO KEY UPDATE
        """,
        (token_hash,),
    ).fetchone()
    return None if row is None else row[0]


def _insert_token(
    connection: Connection, token_hash: bytes, sign_in_id: UUID, refresh_seconds: int
) -> None:
    connection.execute(
        """
        INSERT INTO refresh_tokens (token_hash, sign_in_id, expires_at)
        VALUES (%s, %s, now() + make_interval(secs => %s))
        """,
        (token_hash, sign_in_id, refresh_seconds),
    )


def _refusal(
    disabled_at: dt.datetime | None, ended: bool, expired: bool, spent: bool, late: bool
) -> RefreshRefusal | None:
    if ended:
        return RefreshRefusal.ENDED
    if spent and late:
        return RefreshRefusal.REUSED
    if expired:
        return RefreshRefusal.EXPIRED
    if disabled_at is not None:
        return RefreshRefusal.DISABLED
    return None
