"""How things stand now: streams, the queue, users, engines that are left alone, what went wrong."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

import attrs

from relayd.database.ports import Connection

__all__ = ["Alone", "Present", "present"]

# The failures and the new users that are shown.
_LATELY_HOURS: Final = 24


@attrs.frozen
class Alone:
    """An engine for recordings that is left alone until then. ``off``: a person has to look."""

    engine: str
    until: dt.datetime
    reason: str
    off: bool


@attrs.frozen
class Present:
    """One moment. ``failures``, of the last day: how many ended by which reason."""

    live_streams: int
    recordings_waiting: int
    recordings_running: int
    waiting_audio_ms: int
    oldest_waiting: dt.datetime | None
    users: int
    users_new: int
    # What users have and haven't used.
    credit_ms: int
    engines_alone: tuple[Alone, ...]
    failures: Mapping[str, int]


def present(connection: Connection) -> Present:
    """As the database has it."""
    row = connection.execute(
        """
        SELECT
            (SELECT count(*) FROM transcription_sessions WHERE ended_at IS NULL),
            queue.waiting, queue.running, queue.audio_ms, queue.oldest,
            people.users, people.new,
            (SELECT coalesce(sum(balance_ms), 0)::bigint FROM credit_balance)
        FROM (
            SELECT coalesce(sum(queued), 0)::bigint AS waiting,
                   coalesce(sum(running), 0)::bigint AS running,
                   coalesce(sum(queued_ms), 0)::bigint AS audio_ms,
                   (SELECT min(queued_at) FROM transcriptions WHERE state = 'queued') AS oldest
            FROM lanes WHERE queued > 0 OR running > 0
        ) AS queue, (
            SELECT count(*) AS users,
                   count(*) FILTER (WHERE created_at > now() - make_interval(hours => %s)) AS new
            FROM users WHERE deleted_at IS NULL
        ) AS people
        """,
        (_LATELY_HOURS,),
    ).fetchone()
    assert row is not None, "counts are always there"
    facts: list[Any] = [*row, _alone(connection), _failures(connection)]
    return Present(*facts)


def _alone(connection: Connection) -> tuple[Alone, ...]:
    rows = connection.execute(
        "SELECT engine, until, reason, off FROM engine_standings WHERE until > now() ORDER BY 1"
    ).fetchall()
    return tuple(Alone(*row) for row in rows)


def _failures(connection: Connection) -> dict[str, int]:
    """Of streams and of recordings, by their reason; the most frequent first."""
    rows = connection.execute(
        """
        SELECT reason, count(*) FROM (
            SELECT end_reason AS reason FROM transcription_sessions
            WHERE ended_at > now() - make_interval(hours => %(hours)s)
              AND end_reason IN ('upstream_unavailable', 'upstream_closed', 'service_unavailable',
                                 'internal_error')
            UNION ALL
            SELECT reason FROM transcriptions
            WHERE state = 'failed' AND ended_at > now() - make_interval(hours => %(hours)s)
        ) AS each GROUP BY reason ORDER BY 2 DESC, 1
        """,
        {"hours": _LATELY_HOURS},
    ).fetchall()
    return dict(rows)
