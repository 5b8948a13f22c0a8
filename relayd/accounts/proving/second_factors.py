"""The transactions of second factors. Codes are judged under a lock: none is taken twice."""

from collections.abc import Sequence
from uuid import UUID

import attrs

from relayd.accounts.outcomes import FactorRefusal
from relayd.accounts.proving.totp import Totp
from relayd.database.ports import Connection
from relayd.mail import queue
from relayd.mail.letters import Letter

__all__ = [
    "Confirmation",
    "FactorState",
    "begin_factor",
    "confirm_factor",
    "end_factor",
    "find_factor",
    "require_factor",
    "spend_code",
]


@attrs.frozen
class FactorState:
    """Whether signing in takes a code, whether it has to, and how many recovery codes are left."""

    on: bool
    required: bool
    recovery_codes: int


@attrs.frozen
class Confirmation:
    """A first code of an app, and what comes of it where it is good."""

    totp: Totp
    code: str = attrs.field(repr=False)
    recovery_hashes: Sequence[bytes] = attrs.field(repr=False)
    letter: Letter | None


def find_factor(connection: Connection, user_id: UUID) -> FactorState | None:
    """How it stands; None for an unknown user."""
    row = connection.execute(
        """
        SELECT EXISTS (SELECT FROM second_factors AS f
                       WHERE f.user_id = users.id AND f.confirmed_at IS NOT NULL),
               second_factor_required,
               (SELECT count(*) FROM recovery_codes AS r WHERE r.user_id = users.id)
        FROM users WHERE id = %s
        """,
        (user_id,),
    ).fetchone()
    return None if row is None else FactorState(*row)


def begin_factor(connection: Connection, user_id: UUID, seed: bytes) -> bool:
    """Give an app its secret, in place of one that was never confirmed; False where one is on."""
    begun = connection.execute(
        """
        INSERT INTO second_factors AS f (user_id, seed) VALUES (%s, %s)
        ON CONFLICT (user_id) DO UPDATE SET seed = excluded.seed, created_at = now()
            WHERE f.confirmed_at IS NULL
        """,
        (user_id, seed),
    )
    return begun.rowcount == 1


def confirm_factor(
    connection: Connection, user_id: UUID, confirmation: Confirmation
) -> FactorRefusal | None:
    """A first code shows that the app has the secret: from now on signing in takes one."""
    row = connection.execute(
        """
        SELECT seed FROM second_factors WHERE user_id = %s AND confirmed_at IS NULL FOR UPDATE
        """,
        (user_id,),
    ).fetchone()
    if row is None:
        return FactorRefusal.UNCHANGED
    step = confirmation.totp.step(row[0], confirmation.code, 0)
    if step is None:
        return FactorRefusal.WRONG_CODE
    connection.execute(
        "UPDATE second_factors SET confirmed_at = now(), last_step = %s WHERE user_id = %s",
        (step, user_id),
    )
    for one in confirmation.recovery_hashes:
        connection.execute(
            "INSERT INTO recovery_codes (user_id, code_hash) VALUES (%s, %s)", (user_id, one)
        )
    _tell(connection, user_id, confirmation.letter)
    return None


def spend_code(connection: Connection, user_id: UUID, totp: Totp, code: str) -> bool:
    """Whether a code of the app, or a recovery code, is good; it is never good again."""
    row = connection.execute(
        """
        SELECT seed, last_step FROM second_factors
        WHERE user_id = %s AND confirmed_at IS NOT NULL FOR UPDATE
        """,
        (user_id,),
    ).fetchone()
    if row is None:
        return False
    step = totp.step(row[0], code, row[1])
    if step is not None:
        connection.execute(
            "UPDATE second_factors SET last_step = %s WHERE user_id = %s", (step, user_id)
        )
        return True
    spent = connection.execute(
        "DELETE FROM recovery_codes WHERE user_id = %s AND code_hash = %s",
        (user_id, totp.recovery_hash(user_id, code)),
    )
    return spent.rowcount == 1


def end_factor(connection: Connection, user_id: UUID, letter: Letter | None) -> bool:
    """From now on signing in takes the password alone; False where it did before."""
    row = connection.execute(
        "DELETE FROM second_factors WHERE user_id = %s RETURNING confirmed_at IS NOT NULL",
        (user_id,),
    ).fetchone()
    ended = row is not None and bool(row[0])
    if ended:
        _tell(connection, user_id, letter)
    return ended


def require_factor(connection: Connection, user_id: UUID, required: bool) -> None:
    """Whether this user may switch it off."""
    connection.execute(
        "UPDATE users SET second_factor_required = %s WHERE id = %s", (required, user_id)
    )


def _tell(connection: Connection, user_id: UUID, letter: Letter | None) -> None:
    row = connection.execute("SELECT email FROM users WHERE id = %s", (user_id,)).fetchone()
    if letter is not None and row is not None:
        queue.post(connection, letter, user_id, row[0])
