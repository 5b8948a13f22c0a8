"""The transactions of sign-ins: beginning, renewing and ending a family of refresh tokens.

A family is one line of tokens: each is spent for the next one, and whoever presents it again soon
after gets that same next one. A token that was stolen and its owner's are the same token, then the
same successor, and so on; as soon as one of the two comes later than the grace with what the other
one has spent, the family ends.

Times are the database's (``now()``), so that several daemons share one clock. Whatever reads a
family to act on it locks its row first: the renewals, the reuse check and the end of one family
happen one after the other, whoever asks.
"""

from typing import Final
from uuid import UUID

import attrs

from relayd.accounts.outcomes import RefreshRefusal, User
from relayd.accounts.sign_ins.lifetimes import Keeper, Lifetime
from relayd.database.ports import Connection
from relayd.mail import queue
from relayd.mail.letters import Letter

__all__ = [
    "GRACE_SECONDS",
    "Rotation",
    "SignInTerms",
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
# is answered with the same next one.
GRACE_SECONDS: Final = 10
# A sign-in that ran out is kept this long: a live session may still be renewing on it.
_KEPT_SECONDS: Final = 7 * 86_400


@attrs.frozen
class SignInTerms:
    """On what terms a sign-in begins or goes on: the hash of its next token, whose, how long."""

    token_hash: bytes = attrs.field(repr=False)
    keeper: Keeper
    lifetime: Lifetime

    @property
    def first_seconds(self) -> int:
        """How long a new sign-in lasts unless it is renewed."""
        return min(self.lifetime.idle_seconds, self.lifetime.whole_seconds)


@attrs.frozen
class Rotation:
    """A sign-in that was begun or renewed; ``seconds``: how long it lasts unless renewed."""

    user: User
    sign_in_id: UUID
    seconds: int


def start_sign_in(
    connection: Connection,
    user_id: UUID,
    password_hash: str,
    terms: SignInTerms,
    letter: Letter | None = None,
) -> UUID | None:
    """Begin a family of tokens, and queue the letter that tells of it.

    None where the password that was verified is no longer the user's, or the user was
    disabled meanwhile: a change of password must not be outrun by a login under way.
    """
    # Shares the user's row with other logins, but not with a change of it.
    known = connection.execute(
        """
        SELECT email FROM users WHERE id = %s AND password_hash = %s AND disabled_at IS NULL
        FOR SHARE
        """,
        (user_id, password_hash),
    ).fetchone()
    if known is None:
        return None
    if letter is not None:
        queue.post(connection, letter, user_id, known[0])
    return insert_sign_in(connection, user_id, terms)


def insert_sign_in(connection: Connection, user_id: UUID, terms: SignInTerms) -> UUID:
    """Add a family with its first refresh token; a step of other transactions."""
    row = connection.execute(
        """
        INSERT INTO sign_ins (user_id, keeper, expires_at)
        VALUES (%s, %s, now() + make_interval(secs => %s)) RETURNING id
        """,
        (user_id, terms.keeper.value, terms.first_seconds),
    ).fetchone()
    assert row is not None
    sign_in_id: UUID = row[0]
    _insert_token(connection, terms.token_hash, sign_in_id)
    return sign_in_id


def rotate(
    connection: Connection, presented: bytes, terms: SignInTerms
) -> Rotation | RefreshRefusal:
    """Spend one token of a family for the next; reuse past the grace ends the family."""
    sign_in_id = _lock_family(connection, presented)
    # A second statement, so that it sees what the lock was waiting for.
    row = connection.execute(
        """
        SELECT users.id, users.email, users.created_at, users.disabled_at,
               users.email_proven_at,
               sign_ins.revoked_at IS NOT NULL,
               sign_ins.keeper <> %(keeper)s,
               refresh_tokens.expires_at <= now()
                   OR sign_ins.created_at + make_interval(secs => %(whole)s) <= now(),
               refresh_tokens.spent_at IS NOT NULL,
               refresh_tokens.spent_at < now() - make_interval(secs => %(grace)s)
        FROM refresh_tokens
        JOIN sign_ins ON sign_ins.id = refresh_tokens.sign_in_id
        JOIN users ON users.id = sign_ins.user_id
        WHERE refresh_tokens.token_hash = %(presented)s
        """,
        {
            "presented": presented,
            "keeper": terms.keeper.value,
            "whole": terms.lifetime.whole_seconds,
            "grace": GRACE_SECONDS,
        },
    ).fetchone()
    if sign_in_id is None or row is None:
        return RefreshRefusal.UNKNOWN
    user = User(*row[:5])
    ended, misplaced, expired, spent, late = row[5:]
    refusal = _refusal(
        user, ended=ended, misplaced=bool(misplaced), expired=expired, reused=spent and late
    )
    if refusal is RefreshRefusal.REUSED:
        end_sign_in(connection, sign_in_id)
    if refusal is not None:
        return refusal
    if not spent:
        _go_on(connection, presented, sign_in_id, terms)
    seconds = _seconds_left(connection, terms.token_hash)
    # Another secret made the successor: nobody here can tell what it is.
    return RefreshRefusal.UNKNOWN if seconds is None else Rotation(user, sign_in_id, seconds)


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


def _go_on(connection: Connection, presented: bytes, sign_in_id: UUID, terms: SignInTerms) -> None:
    """Spend a token for the next, and let the family last from now on, but not for ever."""
    connection.execute(
        "UPDATE refresh_tokens SET spent_at = now() WHERE token_hash = %s", (presented,)
    )
    connection.execute(
        """
        UPDATE sign_ins
        SET keeper = coalesce(keeper, %(keeper)s),
            expires_at = least(now() + make_interval(secs => %(idle)s),
                               created_at + make_interval(secs => %(whole)s))
        WHERE id = %(id)s
        """,
        {
            "id": sign_in_id,
            "keeper": terms.keeper.value,
            "idle": terms.lifetime.idle_seconds,
            "whole": terms.lifetime.whole_seconds,
        },
    )
    _insert_token(connection, terms.token_hash, sign_in_id)


def _insert_token(connection: Connection, token_hash: bytes, sign_in_id: UUID) -> None:
    """The newest token of a family lasts as long as the family."""
    connection.execute(
        """
        INSERT INTO refresh_tokens (token_hash, sign_in_id, expires_at)
        SELECT %s, id, expires_at FROM sign_ins WHERE id = %s
        """,
        (token_hash, sign_in_id),
    )


def _seconds_left(connection: Connection, token_hash: bytes) -> int | None:
    """How long a token lasts, one second at least; None for an unknown one."""
    row = connection.execute(
        """
        SELECT greatest(1, floor(extract(epoch FROM expires_at - now())))::bigint
        FROM refresh_tokens WHERE token_hash = %s
        """,
        (token_hash,),
    ).fetchone()
    return None if row is None else int(row[0])


def _refusal(
    user: User, *, ended: bool, misplaced: bool, expired: bool, reused: bool
) -> RefreshRefusal | None:
    if ended:
        return RefreshRefusal.ENDED
    if misplaced:
        return RefreshRefusal.MISPLACED
    if reused:
        return RefreshRefusal.REUSED
    if expired:
        return RefreshRefusal.EXPIRED
    return None if user.disabled_at is None else RefreshRefusal.DISABLED
