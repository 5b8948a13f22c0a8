"""The transactions of users. What changes a user ends their sign-ins here, in the same one."""

from uuid import UUID

from relayd.accounts.outcomes import ChangeRefusal, Credentials, User
from relayd.accounts.sign_ins.sign_ins import Rotation, SignInTerms, end_sign_ins, insert_sign_in
from relayd.accounts.users.gifts import Gift
from relayd.accounts.users.links import drop_links
from relayd.database.ports import Connection
from relayd.mail import queue
from relayd.mail.letters import Letter

__all__ = [
    "change_disabled",
    "change_password",
    "find_credentials",
    "find_credentials_by_id",
    "find_user",
    "insert_user",
    "list_users",
    "register",
    "set_disabled",
    "set_password",
]


def insert_user(connection: Connection, email: str, password_hash: str) -> User | None:
    """Add an account with an empty balance; None where the address is taken."""
    row = connection.execute(
        """
        INSERT INTO users (email, password_hash) VALUES (%s, %s) ON CONFLICT (email) DO NOTHING
        RETURNING id, email, created_at, disabled_at, email_proven_at
        """,
        (email, password_hash),
    ).fetchone()
    if row is None:
        return None
    user = User(*row)
    connection.execute("INSERT INTO credit_balance (user_id) VALUES (%s)", (user.id,))
    return user


def register(
    connection: Connection,
    email: str,
    password_hash: str,
    terms: SignInTerms,
    beginning: Letter | Gift | None = None,
) -> Rotation | None:
    """Add an account and sign it in; None where the address is taken.

    ``beginning``: the letter that asks for proof of the address, or what is given without one.
    """
    user = insert_user(connection, email, password_hash)
    if user is None:
        return None
    match beginning:
        case Letter():
            queue.post(connection, beginning, user.id, user.email)
        case Gift():
            beginning.give(connection, user)
    sign_in_id = insert_sign_in(connection, user.id, terms)
    return Rotation(user, sign_in_id, terms.first_seconds)


def find_credentials(connection: Connection, email: str) -> Credentials | None:
    """What a login to this address is checked against."""
    row = connection.execute(
        """
        SELECT id, email, created_at, disabled_at, email_proven_at, password_hash,
               EXISTS (SELECT FROM second_factors AS f
                       WHERE f.user_id = users.id AND f.confirmed_at IS NOT NULL)
        FROM users WHERE email = %s
        """,
        (email,),
    ).fetchone()
    return None if row is None else Credentials(User(*row[:5]), *row[5:])


def find_credentials_by_id(connection: Connection, user_id: UUID) -> Credentials | None:
    """What a signed-in user's present password is checked against; None once deleted."""
    row = connection.execute(
        """
        SELECT id, email, created_at, disabled_at, email_proven_at, password_hash,
               EXISTS (SELECT FROM second_factors AS f
                       WHERE f.user_id = users.id AND f.confirmed_at IS NOT NULL)
        FROM users WHERE id = %s AND deleted_at IS NULL
        """,
        (user_id,),
    ).fetchone()
    return None if row is None else Credentials(User(*row[:5]), *row[5:])


def find_user(connection: Connection, key: UUID | str) -> User | None:
    """The user of this id or normalised address."""
    by_id = "SELECT id, email, created_at, disabled_at, email_proven_at FROM users WHERE id = %s"
    by_email = (
        "SELECT id, email, created_at, disabled_at, email_proven_at FROM users WHERE email = %s"
    )
    found = by_id if isinstance(key, UUID) else by_email
    row = connection.execute(found, (key,)).fetchone()
    return None if row is None else User(*row)


def list_users(connection: Connection, after: str, limit: int) -> list[User]:
    """A page of accounts by address, beginning after this one; nobody who was deleted."""
    rows = connection.execute(
        """
        SELECT id, email, created_at, disabled_at, email_proven_at FROM users
        WHERE email > %s AND deleted_at IS NULL ORDER BY email LIMIT %s
        """,
        (after, limit),
    )
    return [User(*row) for row in rows]


def set_disabled(connection: Connection, email: str, disabled: bool) -> User | None:
    """Disable a user and end every sign-in, or enable; None where there is no such user.

    Enabling brings no sign-in back: who was signed in logs in again.
    """
    row = connection.execute(
        """
        UPDATE users SET disabled_at = CASE WHEN %(disabled)s THEN coalesce(disabled_at, now()) END
        WHERE email = %(email)s RETURNING id, email, created_at, disabled_at, email_proven_at
        """,
        {"disabled": disabled, "email": email},
    ).fetchone()
    if row is None:
        return None
    user = User(*row)
    if disabled:
        end_sign_ins(connection, user.id)
    return user


def change_disabled(
    connection: Connection, user_id: UUID, *, disabled: bool
) -> bool | ChangeRefusal:
    """The same by id; whether it changed anything. Nobody lets in who was deleted."""
    row = connection.execute(
        """
        SELECT email, disabled_at IS NOT NULL FROM users
        WHERE id = %s AND deleted_at IS NULL FOR UPDATE
        """,
        (user_id,),
    ).fetchone()
    if row is None:
        return ChangeRefusal.UNKNOWN_USER
    email, stands = row
    return stands is not disabled and set_disabled(connection, email, disabled) is not None


def set_password(
    connection: Connection, email: str, password_hash: str, letter: Letter | None = None
) -> User | None:
    """Change the password and end every sign-in; None where there is no such user."""
    row = connection.execute(
        """
        UPDATE users SET password_hash = %s WHERE email = %s
        RETURNING id, email, created_at, disabled_at, email_proven_at
        """,
        (password_hash, email),
    ).fetchone()
    if row is None:
        return None
    user = User(*row)
    _end_entries(connection, user, letter)
    return user


def change_password(
    connection: Connection,
    known: Credentials,
    password_hash: str,
    terms: SignInTerms,
    letter: Letter | None = None,
) -> Rotation | None:
    """Change the password that was verified, end every sign-in and begin a new one.

    None where the user was disabled or the password changed since it was verified.
    """
    row = connection.execute(
        """
        UPDATE users SET password_hash = %s
        WHERE id = %s AND password_hash = %s AND disabled_at IS NULL
        RETURNING id, email, created_at, disabled_at, email_proven_at
        """,
        (password_hash, known.user.id, known.password_hash),
    ).fetchone()
    if row is None:
        return None
    user = User(*row)
    _end_entries(connection, user, letter)
    sign_in_id = insert_sign_in(connection, user.id, terms)
    return Rotation(user, sign_in_id, terms.first_seconds)


def _end_entries(connection: Connection, user: User, letter: Letter | None) -> None:
    """After a new password: whoever came in by the old one, or by a link, is out."""
    end_sign_ins(connection, user.id)
    drop_links(connection, user.id)
    if letter is not None:
        queue.post(connection, letter, user.id, user.email)
