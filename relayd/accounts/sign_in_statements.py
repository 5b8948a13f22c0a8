"""The SQL of sign-ins: beginning, renewing and ending a family of refresh tokens.

Every function but `insert_sign_in`, which is a step of others, is one transaction, run by
`Database.transact`. Times are the database's (``now()``), so that several daemons share
one clock. Whatever reads a family to act on it locks its row first: the renewals, the reuse check
and the end of one family happen one after the other, whoever asks.
"""

import datetime as dt
from typing import Any, Final, LiteralString
from uuid import UUID

import attrs
from psycopg import Connection
from psycopg.rows import tuple_row

from relayd.accounts.outcomes import RefreshRefusal, User

__all__ = [
    "GRACE_SECONDS",
    "Rotation",
    "end_sign_in",
    "end_sign_in_of_token",
    "end_sign_ins",
    "insert_sign_in",
    "is_signed_in",
    "one",
    "prune",
    "rotate",
    "start_sign_in",
]

# A client whose reply was lost sends the same token again: within this of its first use that
# is answered with another pair. A thief has the same ten seconds, and only these.
GRACE_SECONDS: Final = 10
# A sign-in that ran out is kept this long: a live session may still be renewing on it.
_KEPT_SECONDS: Final = 7 * 86_400

Row = tuple[Any, ...]


@attrs.frozen
class Rotation:
    """A renewed sign-in."""

    user: User
    sign_in_id: UUID


# Shares the user's row with other logins, but not with a change of it.
_LOCK_CREDENTIALS: Final = """
    SELECT id FROM users
    WHERE id = %s AND password_hash = %s AND disabled_at IS NULL
    FOR SHARE
"""
_INSERT_SIGN_IN: Final = """
    INSERT INTO sign_ins (user_id, expires_at) VALUES (%s, now() + make_interval(secs => %s))
    RETURNING id
"""
_INSERT_REFRESH: Final = """
    INSERT INTO refresh_tokens (token_hash, sign_in_id, expires_at)
    VALUES (%s, %s, now() + make_interval(secs => %s))
    RETURNING sign_in_id
"""


def start_sign_in(
    connection: Connection[Any],
    user_id: UUID,
    password_hash: str,
    token_hash: bytes,
    refresh_seconds: int,
) -> UUID | None:
    """Begin a family of tokens.

    None where the password that was verified is no longer the user's, or the user was
    disabled meanwhile: a change of password must not be outrun by a login under way.
    """
    if one(connection, _LOCK_CREDENTIALS, (user_id, password_hash)) is None:
        return None
    return insert_sign_in(connection, user_id, token_hash, refresh_seconds)


def insert_sign_in(
    connection: Connection[Any], user_id: UUID, token_hash: bytes, refresh_seconds: int
) -> UUID:
    """Add a family with its first refresh token."""
    row = one(connection, _INSERT_SIGN_IN, (user_id, refresh_seconds))
    assert row is not None
    sign_in_id: UUID = row[0]
    one(connection, _INSERT_REFRESH, (token_hash, sign_in_id, refresh_seconds))
    return sign_in_id


_LOCK_FAMILY: Final = """
    SELECT id FROM sign_ins
    WHERE id = (SELECT sign_in_id FROM refresh_tokens WHERE token_hash = %s)
    FOR NO KEY UPDATE
"""
# A second statement, so that it sees what the lock was waiting for.
_READ_FAMILY: Final = """
    SELECT users.id, users.email, users.created_at, users.disabled_at,
           sign_ins.revoked_at IS NOT NULL,
           refresh_tokens.expires_at <= now(),
           refresh_tokens.spent_at IS NOT NULL,
           refresh_tokens.spent_at < now() - make_interval(secs => %s)
    FROM refresh_tokens
    JOIN sign_ins ON sign_ins.id = refresh_tokens.sign_in_id
    JOIN users ON users.id = sign_ins.user_id
    WHERE refresh_tokens.token_hash = %s
"""
# The first use counts: a repeat within the grace doesn't lengthen it.
_SPEND: Final = """
    UPDATE refresh_tokens SET spent_at = now() WHERE token_hash = %s AND spent_at IS NULL
    RETURNING token_hash
"""
_EXTEND_SIGN_IN: Final = """
    UPDATE sign_ins SET expires_at = now() + make_interval(secs => %s) WHERE id = %s
    RETURNING id
"""


def rotate(
    connection: Connection[Any], presented: bytes, fresh: bytes, refresh_seconds: int
) -> Rotation | RefreshRefusal:
    """Spend one token of a family and add the next; reuse past the grace ends the family."""
    locked = one(connection, _LOCK_FAMILY, (presented,))
    row = one(connection, _READ_FAMILY, (GRACE_SECONDS, presented))
    if locked is None or row is None:
        return RefreshRefusal.UNKNOWN
    (sign_in_id,) = locked
    user = User(*row[:4])
    refusal = _refusal(user.disabled_at, *row[4:])
    if refusal is RefreshRefusal.REUSED:
        end_sign_in(connection, sign_in_id)
    if refusal is not None:
        return refusal
    one(connection, _SPEND, (presented,))
    one(connection, _INSERT_REFRESH, (fresh, sign_in_id, refresh_seconds))
    one(connection, _EXTEND_SIGN_IN, (refresh_seconds, sign_in_id))
    return Rotation(user, sign_in_id)


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


_END_SIGN_IN: Final = """
    UPDATE sign_ins SET revoked_at = now() WHERE id = %s AND revoked_at IS NULL
    RETURNING id
"""


def end_sign_in(connection: Connection[Any], sign_in_id: UUID) -> bool:
    """End a family; False where there was nothing left to end."""
    return one(connection, _END_SIGN_IN, (sign_in_id,)) is not None


def end_sign_in_of_token(connection: Connection[Any], presented: bytes) -> bool:
    """End the family of this refresh token, spent or not; False where nothing was to end."""
    locked = one(connection, _LOCK_FAMILY, (presented,))
    return locked is not None and end_sign_in(connection, locked[0])


_IS_SIGNED_IN: Final = """
    SELECT sign_ins.id FROM sign_ins
    JOIN users ON users.id = sign_ins.user_id
    WHERE sign_ins.id = %s AND users.id = %s
      AND sign_ins.revoked_at IS NULL AND users.disabled_at IS NULL
"""


def is_signed_in(connection: Connection[Any], sign_in_id: UUID, user_id: UUID) -> bool:
    """Whether the family was not ended and its user is not disabled."""
    return one(connection, _IS_SIGNED_IN, (sign_in_id, user_id)) is not None


_END_SIGN_INS: Final = """
    WITH ended AS (
        UPDATE sign_ins SET revoked_at = now() WHERE user_id = %s AND revoked_at IS NULL
        RETURNING id
    )
    SELECT count(*) FROM ended
"""


def end_sign_ins(connection: Connection[Any], user_id: UUID) -> None:
    """End every family of a user."""
    one(connection, _END_SIGN_INS, (user_id,))


# A long-lived family sheds its spent tokens; one that ran out goes whole, tokens and all.
_PRUNE_SIGN_INS: Final = """
    WITH gone AS (
        DELETE FROM sign_ins WHERE id IN (
            SELECT id FROM sign_ins WHERE expires_at < now() - make_interval(secs => %s)
            ORDER BY expires_at LIMIT %s FOR UPDATE SKIP LOCKED
        ) RETURNING id
    )
    SELECT count(*) FROM gone
"""
_PRUNE_REFRESH: Final = """
    WITH gone AS (
        DELETE FROM refresh_tokens WHERE token_hash IN (
            SELECT token_hash FROM refresh_tokens
            WHERE expires_at < now() - make_interval(secs => %s)
            ORDER BY expires_at LIMIT %s FOR UPDATE SKIP LOCKED
        ) RETURNING token_hash
    )
    SELECT count(*) FROM gone
"""


def prune(connection: Connection[Any], limit: int) -> int:
    """Delete at most ``limit`` tokens and as many sign-ins long past their time; how many."""
    gone = 0
    for statement in (_PRUNE_REFRESH, _PRUNE_SIGN_INS):
        row = one(connection, statement, (_KEPT_SECONDS, limit))
        assert row is not None
        gone += row[0]
    return gone


def one(connection: Connection[Any], statement: LiteralString, parameters: Row) -> Row | None:
    """Run a statement and take its first row."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        return cursor.execute(statement, parameters).fetchone()
