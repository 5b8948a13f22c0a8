"""The transactions around a comparison with Stripe's lists: from when on, and when last."""

import datetime as dt

from relayd.database.ports import Connection

__all__ = ["due_in_seconds", "next_since", "record"]

# The beginning overlaps what was compared before: clocks differ, and pages shift.
OVERLAP_HOURS = 1
# Once a day everything is looked at in which a refund can still fail (30 days) and a dispute
# is most often opened.
DEEP_DAYS = 35


def next_since(connection: Connection) -> tuple[dt.datetime, dt.datetime]:
    """Now, and from when on lists are to be compared."""
    row = connection.execute(
        """
        SELECT now(), CASE
            WHEN bool_or(started_at > now() - '1 day'::interval
                         AND started_at - since > (%(deep)s - 1) * '1 day'::interval)
            THEN max(started_at) - %(overlap)s * '1 hour'::interval
            ELSE now() - %(deep)s * '1 day'::interval END
        FROM reconciliations
        """,
        {"overlap": OVERLAP_HOURS, "deep": DEEP_DAYS},
    ).fetchone()
    assert row is not None
    return row[0], row[1]


def due_in_seconds(connection: Connection, every_seconds: float) -> float:
    """How long until the next one is due, whoever did the last."""
    row = connection.execute(
        "SELECT extract(epoch FROM max(finished_at) - now())::float8 FROM reconciliations"
        " WHERE finished_at > now() - make_interval(secs => %s)",
        (every_seconds,),
    ).fetchone()
    if row is None or row[0] is None:
        return 0.0
    return max(0.0, every_seconds + float(row[0]))


def record(
    connection: Connection, started_at: dt.datetime, since: dt.datetime, corrected: int
) -> None:
    """A comparison was done to its end; those of long ago are forgotten."""
    connection.execute(
        "INSERT INTO reconciliations (started_at, since, corrected) VALUES (%s, %s, %s)",
        (started_at, since, corrected),
    )
    connection.execute("DELETE FROM reconciliations WHERE finished_at < now() - '7 days'::interval")
