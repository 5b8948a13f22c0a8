"""The transactions of operators: who is one, and what was done by hand. Rows are only added."""

import datetime as dt
from uuid import UUID, uuid4

import attrs

from relayd.database.ports import Connection

__all__ = [
    "Deed",
    "TrailRow",
    "appoint",
    "dismiss",
    "factor_is_in_use",
    "is_operator",
    "read",
    "record",
]


@attrs.frozen
class Deed:
    """What is done by hand, to whose account, and why. Make it once: the id is what it is."""

    action: str
    user_id: UUID
    reason: str
    amount_ms: int | None = None
    # What it is known by elsewhere, such as an entry's key.
    reference: str | None = None
    id: UUID = attrs.field(factory=uuid4)


@attrs.frozen
class TrailRow:
    """What was done. ``operator``: an account's address, or None where none was named."""

    done_at: dt.datetime
    operator: str | None
    login: str
    second_factor: bool
    action: str
    email: str
    amount_ms: int | None
    reference: str | None
    reason: str


def is_operator(connection: Connection, user_id: UUID) -> bool:
    """Whether an account is an operator's, and may be used; if so, for this whole transaction."""
    row = connection.execute(
        """
        SELECT FROM operators AS o JOIN users AS u ON u.id = o.user_id
        WHERE o.user_id = %s AND u.disabled_at IS NULL FOR SHARE
        """,
        (user_id,),
    ).fetchone()
    return row is not None


def factor_is_in_use(connection: Connection) -> bool:
    """Whether an operator could show a second factor, even a disabled one, or one ever did."""
    row = connection.execute(
        """
        SELECT EXISTS (SELECT FROM operators AS o
                       JOIN second_factors AS f ON f.user_id = o.user_id
                       WHERE f.confirmed_at IS NOT NULL)
            OR EXISTS (SELECT FROM operator_actions WHERE second_factor)
        """
    ).fetchone()
    assert row is not None
    return bool(row[0])


def appoint(connection: Connection, user_id: UUID) -> bool:
    """Make an account an operator's; False where it is one already."""
    made = connection.execute(
        "INSERT INTO operators (user_id) VALUES (%s) ON CONFLICT (user_id) DO NOTHING", (user_id,)
    )
    return made.rowcount == 1


def dismiss(connection: Connection, user_id: UUID) -> bool:
    """Make it an ordinary account; False where it is one already."""
    return connection.execute("DELETE FROM operators WHERE user_id = %s", (user_id,)).rowcount == 1


def record(
    connection: Connection, deed: Deed, operator_id: UUID | None, login: str, *, factor: bool
) -> None:
    """Add a row, once; ``factor``: whether a code of the operator's second factor was shown."""
    connection.execute(
        """
        INSERT INTO operator_actions (id, operator_id, login, second_factor, action, user_id,
                                      amount_ms, reference, reason)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO NOTHING
        """,
        (
            deed.id,
            operator_id,
            login,
            factor,
            deed.action,
            deed.user_id,
            deed.amount_ms,
            deed.reference,
            deed.reason,
        ),
    )


def read(connection: Connection, most: int) -> list[TrailRow]:
    """The newest first."""
    rows = connection.execute(
        """
        SELECT a.done_at, o.email, a.login, a.second_factor, a.action, u.email, a.amount_ms,
               a.reference, a.reason
        FROM operator_actions AS a JOIN users AS u ON u.id = a.user_id
        LEFT JOIN users AS o ON o.id = a.operator_id
        ORDER BY a.number DESC LIMIT %s
        """,
        (most,),
    ).fetchall()
    return [TrailRow(*row) for row in rows]
