"""The outbox of customers: a row for each user from registration on, until Stripe has them."""

from uuid import UUID

from relayd.database.ports import Connection
from relayd.payments.leases import FIRST_PAUSE_SECONDS
from relayd.payments.ports import Buyer

__all__ = ["claim", "forget", "put_off", "record"]

# Between two attempts, however many failed.
PAUSE_SECONDS_MAX = 3600


def claim(connection: Connection, most: int, lease_seconds: float) -> list[Buyer]:
    """Take users who have no customer yet; nobody else takes them until the lease is over."""
    rows = connection.execute(
        """
        UPDATE stripe_customers AS c
        SET attempts = attempts + 1, next_attempt_at = now() + make_interval(secs => %(lease)s)
        FROM users AS u
        WHERE u.id = c.user_id AND c.user_id IN (
            SELECT user_id FROM stripe_customers
            WHERE customer_id IS NULL AND next_attempt_at <= now()
            ORDER BY next_attempt_at LIMIT %(most)s FOR UPDATE SKIP LOCKED)
        RETURNING u.id, u.email
        """,
        {"most": most, "lease": lease_seconds},
    ).fetchall()
    return [Buyer(row[0], row[1], None) for row in rows]


def put_off(connection: Connection, user_id: UUID) -> None:
    """An attempt failed: the next one is due after a pause that doubles with each."""
    connection.execute(
        """
        UPDATE stripe_customers
        SET next_attempt_at = now() + make_interval(
                secs => least(%(most)s, %(first)s * 2 ^ least(attempts - 1, 9)))
        WHERE user_id = %(user)s AND customer_id IS NULL
        """,
        {"user": user_id, "first": FIRST_PAUSE_SECONDS, "most": PAUSE_SECONDS_MAX},
    )


def record(connection: Connection, user_id: UUID, customer_id: str) -> None:
    """A user has this customer now."""
    connection.execute(
        "UPDATE stripe_customers SET customer_id = %s WHERE user_id = %s AND customer_id IS NULL",
        (customer_id, user_id),
    )


def forget(connection: Connection, user_id: UUID, customer_id: str) -> None:
    """Stripe does not know this customer any more: another one is to be made."""
    connection.execute(
        "UPDATE stripe_customers SET customer_id = NULL, attempts = 0,"
        " next_attempt_at = now() + make_interval(days => 1)"
        " WHERE user_id = %s AND customer_id = %s",
        (user_id, customer_id),
    )
