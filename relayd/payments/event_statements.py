"""The transactions of Stripe's messages: stored once, claimed with a lease, done or given up."""

import attrs

from relayd.database.ports import Connection
from relayd.payments.leases import FIRST_PAUSE_SECONDS

__all__ = ["Event", "claim", "finish", "prune", "put_off", "store"]

# Between two attempts, however many failed.
PAUSE_SECONDS_MAX = 900
# Stripe repeats a message for three days; afterwards nobody asks whether it was seen.
KEPT_DAYS = 30


@attrs.frozen
class Event:
    """A message of Stripe's: that something happened to an object, which is fetched again."""

    id: str
    type: str
    object_id: str
    detail: str = ""
    attempts: int = 0


def store(connection: Connection, event: Event) -> bool:
    """Keep a message; whether it is a new one."""
    return (
        connection.execute(
            "INSERT INTO stripe_events (event_id, type, object_id, detail)"
            " VALUES (%s, %s, %s, %s) ON CONFLICT (event_id) DO NOTHING",
            (event.id, event.type, event.object_id, event.detail),
        ).rowcount
        == 1
    )


def claim(connection: Connection, most: int, lease_seconds: float) -> list[Event]:
    """Take messages that are due; nobody else takes them until the lease is over."""
    rows = connection.execute(
        """
        UPDATE stripe_events
        SET attempts = attempts + 1, next_attempt_at = now() + make_interval(secs => %(lease)s)
        WHERE event_id IN (
            SELECT event_id FROM stripe_events
            WHERE processed_at IS NULL AND next_attempt_at <= now()
            ORDER BY next_attempt_at LIMIT %(most)s FOR UPDATE SKIP LOCKED)
        RETURNING event_id, type, object_id, detail, attempts
        """,
        {"most": most, "lease": lease_seconds},
    ).fetchall()
    return [Event(*row) for row in rows]


def put_off(connection: Connection, event_id: str) -> None:
    """An attempt failed: the next one is due after a pause that doubles with each."""
    connection.execute(
        """
        UPDATE stripe_events
        SET next_attempt_at = now() + make_interval(
                secs => least(%(most)s, %(first)s * 2 ^ least(attempts - 1, 9)))
        WHERE event_id = %(event)s AND processed_at IS NULL
        """,
        {"event": event_id, "first": FIRST_PAUSE_SECONDS, "most": PAUSE_SECONDS_MAX},
    )


def finish(connection: Connection, event_id: str, outcome: str) -> None:
    """A message is done with."""
    connection.execute(
        "UPDATE stripe_events SET processed_at = now(), outcome = %s"
        " WHERE event_id = %s AND processed_at IS NULL",
        (outcome, event_id),
    )


def prune(connection: Connection) -> int:
    """Forget messages that were done with long ago."""
    return connection.execute(
        "DELETE FROM stripe_events WHERE processed_at < now() - make_interval(days => %s)",
        (KEPT_DAYS,),
    ).rowcount
