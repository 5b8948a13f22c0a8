"""How things stand now: streams, the queue, users, engines that are left alone, what went wrong."""

from collections.abc import Mapping
from typing import Final

import attrs

from relayd.database.ports import Connection
from relayd.jobs import standings
from relayd.overview.engine_days import FAULTS
from relayd.speech.fallback import EngineStanding
from relayd.transcriptions.listing import queue_stats
from relayd.transcriptions.outcomes import QueueStats

__all__ = ["Present", "present"]

# The failures and the new users that are shown.
_LATELY_HOURS: Final = 24


@attrs.frozen
class Present:
    """One moment. ``failures``, of the last day: how many ended by which reason."""

    live_streams: int
    users: int
    users_new: int
    # What users have and haven't used.
    credit_ms: int
    queue: QueueStats
    # Engines that are left alone, by their names; "live" stands before those for streams.
    engines_alone: Mapping[str, EngineStanding]
    failures: Mapping[str, int]


def present(connection: Connection) -> Present:
    """As the database has it."""
    row = connection.execute(
        """
        SELECT
            (SELECT count(*) FROM transcription_sessions WHERE ended_at IS NULL),
            people.users, people.new,
            (SELECT coalesce(sum(balance_ms), 0)::bigint FROM credit_balance)
        FROM (
            SELECT count(*) AS users,
                   count(*) FILTER (WHERE created_at > now() - make_interval(hours => %s)) AS new
            FROM users WHERE deleted_at IS NULL
        ) AS people
        """,
        (_LATELY_HOURS,),
    ).fetchone()
    assert row is not None, "counts are always there"
    live_streams, users, users_new, credit_ms = row
    return Present(
        live_streams=live_streams,
        users=users,
        users_new=users_new,
        credit_ms=credit_ms,
        queue=queue_stats(connection),
        engines_alone=standings.read(connection),
        failures=_failures(connection),
    )


def _failures(connection: Connection) -> dict[str, int]:
    """Of streams and of recordings, by their reason; the most frequent first."""
    rows = connection.execute(
        """
        SELECT reason, count(*) FROM (
            SELECT end_reason AS reason FROM transcription_sessions
            WHERE ended_at > now() - make_interval(hours => %(hours)s)
              AND end_reason = ANY (%(faults)s)
            UNION ALL
            SELECT reason FROM transcriptions
            WHERE state = 'failed' AND ended_at > now() - make_interval(hours => %(hours)s)
        ) AS each GROUP BY reason ORDER BY 2 DESC, 1
        """,
        {"hours": _LATELY_HOURS, "faults": FAULTS},
    ).fetchall()
    return dict(rows)
