"""The transactions of Stripe's messages: stored once, claimed with a lease, done or given up."""

import attrs

from relayd.database.ports import Connection

__all__ = ["Event", "claim", "finish", "prune", "store"]

# A claim is a lease: whoever claimed may have died, so the message is due again after this,
# twice as long at each attempt, a quarter of an hour at most.
LEASE_SECONDS = 15
LEASE_SECONDS_MAX = 900
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


def claim(connection: Connection, most: int) -> list[Event]:
    """Take messages that are due, so that no other daemon works on them meanwhile."""
    rows = connection.execute(
        """
        UPDATE stripe_events
        SET attempts = attempts + 1,
            next_attempt_at = now()
                + make_interval(secs => least(%(most_lease)s, %(lease)s * 2 ^ least(attempts, 9)))
        WHERE event_id IN (
            SELECT event_id FROM stripe_events
            WHERE processed_at IS NULL AND next_attempt_at <= now()
            ORDER BY next_attempt_at LIMIT %(most)s FOR UPDATE SKIP LOCKED)
        RETURNING event_id, type, object_id, detail, attempts
        """,
        {"most": most, "lease": LEASE_SECONDS, "most_lease": LEASE_SECONDS_MAX},
    ).fetchall()
    return [Event(*row) for row in rows]


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
