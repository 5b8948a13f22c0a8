"""The transaction that makes an account nobody's. What was used and paid stays in the books."""

from uuid import UUID

from relayd.accounts.outcomes import User
from relayd.accounts.sign_ins.sign_ins import end_sign_ins
from relayd.database.ports import Connection

__all__ = ["delete_user"]


def delete_user(connection: Connection, user_id: UUID, password_hash: str | None) -> User | None:
    """Take the person out of an account, end every sign-in and key; what stays of the user.

    ``password_hash``: the one that was verified, of an account that must not be disabled; None
    where the operator deletes. None where that isn't so, or the account was deleted before.
    """
    # As the ledger does, first of all: a session that opens meanwhile waits, and is refused.
    connection.execute(
        "SELECT FROM credit_balance WHERE user_id = %s FOR UPDATE", (user_id,)
    ).fetchone()
    row = connection.execute(
        """
        UPDATE users
        SET email = 'deleted ' || id::text, password_hash = '', deleted_at = now(),
            email_proven_at = NULL,
            disabled_at = coalesce(disabled_at, now())
        WHERE id = %(id)s AND deleted_at IS NULL
          AND (%(hash)s::text IS NULL OR (password_hash = %(hash)s AND disabled_at IS NULL))
        RETURNING id, email, created_at, disabled_at, email_proven_at
        """,
        {"id": user_id, "hash": password_hash},
    ).fetchone()
    if row is None:
        return None
    end_sign_ins(connection, user_id)
    connection.execute("DELETE FROM api_keys WHERE user_id = %s", (user_id,))
    connection.execute("DELETE FROM one_time_links WHERE user_id = %s", (user_id,))
    connection.execute("DELETE FROM mails WHERE user_id = %s", (user_id,))
    # Their files go with the next look of whoever has them.
    connection.execute("DELETE FROM uploads WHERE user_id = %s", (user_id,))
    connection.execute("DELETE FROM second_factors WHERE user_id = %s", (user_id,))
    connection.execute("DELETE FROM operators WHERE user_id = %s", (user_id,))
    connection.execute(
        """
        UPDATE transcription_sessions SET client_address = ''
        WHERE user_id = %s AND client_address <> ''
        """,
        (user_id,),
    )
    # Refunds and disputes of what was bought are still Stripe's to tell of this customer.
    connection.execute(
        """
        DELETE FROM stripe_customers AS c WHERE user_id = %s
          AND (customer_id IS NULL
               OR NOT EXISTS (SELECT FROM purchases AS p WHERE p.user_id = c.user_id))
        """,
        (user_id,),
    )
    return User(*row)
