"""So many requests in any minute, counted in PostgreSQL: exact over all processes and daemons.

The user's row is locked while its moments are counted, and they are those of PostgreSQL's clock, so
daemons need not agree on the time. A request that is refused does not count.
"""

import datetime as dt
from typing import Final
from uuid import UUID

import attrs

from relayd.database.ports import Connection

__all__ = ["WINDOW_SECONDS", "Admission", "admit"]

WINDOW_SECONDS: Final = 60


@attrs.frozen
class Admission:
    """Whether a request may be, and what may be after it.

    ``wait_seconds`` is 0 for one that is admitted. ``reset_seconds``: until the first of those that
    count doesn't any more.
    """

    limit: int
    remaining: int
    reset_seconds: float
    wait_seconds: float
    # What the user has, and what of it runs out.
    balance_ms: int = 0
    expiring_ms: int = 0


def admit(connection: Connection, user_id: UUID, most: int) -> Admission:
    """Admit a request unless there were so many in the last minute."""
    row = connection.execute(
        """
        INSERT INTO plan_requests AS r (user_id) VALUES (%s)
        ON CONFLICT (user_id) DO UPDATE SET user_id = excluded.user_id
        RETURNING r.admitted, clock_timestamp()
        """,
        (user_id,),
    ).fetchone()
    assert row is not None
    admitted, now = row
    window = dt.timedelta(seconds=WINDOW_SECONDS)
    lately = [moment for moment in admitted if moment > now - window]
    if len(lately) >= most:
        # The limit may be lower than it was: what counts is the one that has to leave for the next.
        wait = lately[len(lately) - most] + window - now
        return Admission(most, 0, wait.total_seconds(), wait.total_seconds())
    lately.append(now)
    connection.execute(
        "UPDATE plan_requests SET admitted = %s WHERE user_id = %s", (lately, user_id)
    )
    reset = lately[0] + window - now
    return Admission(most, most - len(lately), reset.total_seconds(), 0.0)
