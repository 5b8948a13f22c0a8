"""The transactions of one-time links: what somebody may do who reads the mail of an address.

A link is deleted when it is used, so that it works once. Links to a new password die with every
change of the password or address, whoever makes it.
"""

from uuid import UUID

from psycopg.errors import UniqueViolation

from relayd.accounts.outcomes import LinkRefusal, ProofRefusal, User
from relayd.accounts.sign_ins.sign_ins import end_sign_ins
from relayd.accounts.users.gifts import Gift
from relayd.database.ports import Connection
from relayd.mail import queue
from relayd.mail.letters import Kind, Letter

__all__ = [
    "ask_for_change",
    "ask_for_proof",
    "ask_for_reset",
    "drop_links",
    "owner_of_reset",
    "prove",
    "reset_password",
]


def ask_for_proof(connection: Connection, user_id: UUID, letter: Letter) -> User | ProofRefusal:
    """Write to the address of an account that is not proven yet."""
    row = connection.execute(
        """
        SELECT id, email, created_at, disabled_at, email_proven_at FROM users
        WHERE id = %s AND deleted_at IS NULL
        """,
        (user_id,),
    ).fetchone()
    user = None if row is None else User(*row)
    if user is None or user.email_proven_at is not None:
        return ProofRefusal.PROVEN
    queue.post(connection, letter, user.id, user.email)
    return user


def ask_for_change(
    connection: Connection, user_id: UUID, email: str, letter: Letter
) -> ProofRefusal | None:
    """Write to the address that an account is to have; None where the letter was queued."""
    row = connection.execute(
        "SELECT id, email_proven_at IS NOT NULL FROM users WHERE email = %s", (email,)
    ).fetchone()
    if row is not None:
        proven = row[0] == user_id and row[1]
        return ProofRefusal.PROVEN if proven else ProofRefusal.EMAIL_TAKEN
    queue.post(connection, letter, user_id, email)
    return None


def ask_for_reset(connection: Connection, email: str, letter: Letter) -> UUID | None:
    """Write to who forgot the password; None where there is no such user who may sign in."""
    row = connection.execute(
        "SELECT id FROM users WHERE email = %s AND disabled_at IS NULL", (email,)
    ).fetchone()
    if row is None:
        return None
    queue.post(connection, letter, row[0], email)
    return UUID(str(row[0]))


def prove(
    connection: Connection, presented: bytes, gift: Gift | None, letter: Letter
) -> User | LinkRefusal:
    """The address of a link reaches its user: record it, and make it theirs where it is a new one.

    ``letter`` tells the address that the account had until now.
    """
    link = connection.execute(
        """
        DELETE FROM one_time_links
        WHERE token_hash = %s AND expires_at > now() AND kind IN (%s, %s)
        RETURNING user_id, kind, email
        """,
        (presented, Kind.PROVE_ADDRESS.value, Kind.CHANGE_ADDRESS.value),
    ).fetchone()
    if link is None:
        return LinkRefusal.STALE
    user_id, kind, email = link
    if Kind(kind) is Kind.CHANGE_ADDRESS:
        refusal = _change(connection, user_id, email, letter)
        if refusal is not None:
            return refusal
    row = connection.execute(
        """
        UPDATE users SET email_proven_at = coalesce(email_proven_at, now())
        WHERE id = %s AND email = %s AND disabled_at IS NULL
        RETURNING id, email, created_at, disabled_at, email_proven_at
        """,
        (user_id, email),
    ).fetchone()
    if row is None:
        return LinkRefusal.STALE
    user = User(*row)
    if gift is not None:
        gift.give(connection, user)
    return user


def owner_of_reset(connection: Connection, presented: bytes) -> User | None:
    """Whose password a link may change; None for one that is good for nothing."""
    row = connection.execute(
        """
        SELECT users.id, users.email, users.created_at, users.disabled_at, users.email_proven_at
        FROM one_time_links AS link JOIN users ON users.id = link.user_id
        WHERE link.token_hash = %s AND link.kind = %s AND link.expires_at > now()
          AND users.email = link.email AND users.disabled_at IS NULL
        """,
        (presented, Kind.RESET_PASSWORD.value),
    ).fetchone()
    return None if row is None else User(*row)


def reset_password(
    connection: Connection, presented: bytes, password_hash: str, letter: Letter
) -> User | None:
    """Change the password by a link, end every sign-in; None where the link is no longer good.

    Who got the link reads the mail of the address: it is proven too.
    """
    row = connection.execute(
        """
        WITH link AS (
            DELETE FROM one_time_links
            WHERE token_hash = %s AND kind = %s AND expires_at > now()
            RETURNING user_id, email AS sent_to
        )
        UPDATE users
        SET password_hash = %s, email_proven_at = coalesce(email_proven_at, now())
        FROM link WHERE id = user_id AND email = sent_to AND disabled_at IS NULL
        RETURNING id, email, created_at, disabled_at, email_proven_at
        """,
        (presented, Kind.RESET_PASSWORD.value, password_hash),
    ).fetchone()
    if row is None:
        return None
    user = User(*row)
    end_sign_ins(connection, user.id)
    drop_links(connection, user.id)
    queue.post(connection, letter, user.id, user.email)
    return user


def drop_links(connection: Connection, user_id: UUID) -> None:
    """Nobody gets at this account by a link sent before; a step of other transactions.

    Not even one to another address: whoever changes the password shuts out who asked for that.
    """
    kinds = [Kind.CHANGE_ADDRESS.value, Kind.RESET_PASSWORD.value]
    connection.execute(
        "DELETE FROM one_time_links WHERE user_id = %s AND kind = ANY(%s)", (user_id, kinds)
    )
    connection.execute("DELETE FROM mails WHERE user_id = %s AND kind = ANY(%s)", (user_id, kinds))


def _change(
    connection: Connection, user_id: UUID, email: str, letter: Letter
) -> LinkRefusal | None:
    """Give a user another address, as proven as it is; None where that was done."""
    before = connection.execute(
        "SELECT email FROM users WHERE id = %s AND disabled_at IS NULL FOR NO KEY UPDATE",
        (user_id,),
    ).fetchone()
    if before is None:
        return LinkRefusal.STALE
    try:
        with connection.transaction():
            connection.execute(
                "UPDATE users SET email = %s, email_proven_at = now() WHERE id = %s",
                (email, user_id),
            )
    except UniqueViolation:
        return LinkRefusal.EMAIL_TAKEN
    drop_links(connection, user_id)
    queue.post(connection, letter, user_id, before[0])
    return None
