"""The SQL of users: every function is one transaction, run by `Database.transact`.

Sign-ins have a module of their own; what changes a user here ends them there, in the same
transaction.
"""

from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import tuple_row

from relayd.accounts.outcomes import Credentials, User
from relayd.accounts.sign_in_statements import Rotation, end_sign_ins, insert_sign_in, one

__all__ = [
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

_INSERT_USER: Final = """
    INSERT INTO users (email, password_hash) VALUES (%s, %s)
    ON CONFLICT (email) DO NOTHING
    RETURNING id, email, created_at, disabled_at
"""
_INSERT_BALANCE: Final = "INSERT INTO credit_balance (user_id) VALUES (%s) RETURNING user_id"


def insert_user(connection: Connection[Any], email: str, password_hash: str) -> User | None:
    """Add an account with an empty balance; None where the address is taken."""
    row = one(connection, _INSERT_USER, (email, password_hash))
    if row is None:
        return None
    user = User(*row)
    one(connection, _INSERT_BALANCE, (user.id,))
    return user


def register(
    connection: Connection[Any],
    email: str,
    password_hash: str,
    token_hash: bytes,
    refresh_seconds: int,
) -> Rotation | None:
    """Add an account and sign it in; None where the address is taken."""
    user = insert_user(connection, email, password_hash)
    if user is None:
        return None
    sign_in_id = insert_sign_in(connection, user.id, token_hash, refresh_seconds)
    return Rotation(user, sign_in_id)


_FIND_CREDENTIALS: Final = """
    SELECT id, email, created_at, disabled_at, password_hash FROM users WHERE email = %s
"""


def find_credentials(connection: Connection[Any], email: str) -> Credentials | None:
    """What a login to this address is checked against."""
    row = one(connection, _FIND_CREDENTIALS, (email,))
    return None if row is None else Credentials(User(*row[:4]), row[4])


_FIND_CREDENTIALS_BY_ID: Final = """
    SELECT id, email, created_at, disabled_at, password_hash FROM users WHERE id = %s
"""


def find_credentials_by_id(connection: Connection[Any], user_id: UUID) -> Credentials | None:
    """What a signed-in user's present password is checked against."""
    row = one(connection, _FIND_CREDENTIALS_BY_ID, (user_id,))
    return None if row is None else Credentials(User(*row[:4]), row[4])


_FIND_USER: Final = """
    SELECT id, email, created_at, disabled_at FROM users WHERE id = %s
"""
_FIND_USER_BY_EMAIL: Final = """
    SELECT id, email, created_at, disabled_at FROM users WHERE email = %s
"""


def find_user(connection: Connection[Any], key: UUID | str) -> User | None:
    """The user of this id or normalised address."""
    statement = _FIND_USER if isinstance(key, UUID) else _FIND_USER_BY_EMAIL
    row = one(connection, statement, (key,))
    return None if row is None else User(*row)


_LIST_USERS: Final = """
    SELECT id, email, created_at, disabled_at FROM users
    WHERE email > %s ORDER BY email LIMIT %s
"""


def list_users(connection: Connection[Any], after: str, limit: int) -> list[User]:
    """A page of accounts in the order of their addresses, beginning after this one."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        rows = cursor.execute(_LIST_USERS, (after, limit)).fetchall()
    return [User(*row) for row in rows]


_DISABLE_USER: Final = """
    UPDATE users SET disabled_at = coalesce(disabled_at, now()) WHERE email = %s
    RETURNING id, email, created_at, disabled_at
"""
_ENABLE_USER: Final = """
    UPDATE users SET disabled_at = NULL WHERE email = %s
    RETURNING id, email, created_at, disabled_at
"""


def set_disabled(connection: Connection[Any], email: str, disabled: bool) -> User | None:
    """Disable a user and end every sign-in, or enable; None where there is no such user.

    Enabling brings no sign-in back: who was signed in logs in again.
    """
    row = one(connection, _DISABLE_USER if disabled else _ENABLE_USER, (email,))
    if row is None:
        return None
    user = User(*row)
    if disabled:
        end_sign_ins(connection, user.id)
    return user


_UPDATE_HASH: Final = """
    UPDATE users SET password_hash = %s WHERE email = %s
    RETURNING id, email, created_at, disabled_at
"""


def set_password(connection: Connection[Any], email: str, password_hash: str) -> User | None:
    """Change the password and end every sign-in; None where there is no such user."""
    row = one(connection, _UPDATE_HASH, (password_hash, email))
    if row is None:
        return None
    user = User(*row)
    end_sign_ins(connection, user.id)
    return user


_CHANGE_HASH: Final = """
    UPDATE users SET password_hash = %s
    WHERE id = %s AND password_hash = %s AND disabled_at IS NULL
    RETURNING id, email, created_at, disabled_at
"""


def change_password(
    connection: Connection[Any],
    known: Credentials,
    password_hash: str,
    token_hash: bytes,
    refresh_seconds: int,
) -> Rotation | None:
    """Change the password that was verified, end every sign-in and begin a new one.

    None where the user was disabled or the password changed since it was verified.
    """
    row = one(connection, _CHANGE_HASH, (password_hash, known.user.id, known.password_hash))
    if row is None:
        return None
    user = User(*row)
    end_sign_ins(connection, user.id)
    sign_in_id = insert_sign_in(connection, user.id, token_hash, refresh_seconds)
    return Rotation(user, sign_in_id)
