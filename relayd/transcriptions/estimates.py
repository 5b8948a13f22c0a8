"""When a recording's turn comes: its place in the queue, and seconds from what workers did lately.

Users take turns, so of another lane of the same priority as many jobs come first as there are own
ones before this, and one more where that lane's turn is earlier.
"""

from typing import Any

import attrs

from relayd.database.ports import Connection
from relayd.transcriptions.outcomes import Standing, State, Transcription

__all__ = ["standing"]


@attrs.frozen
class _Pace:
    """What the workers of all machines do together."""

    # Audio worked off in a second by one slot, in milliseconds.
    speed_ms: float
    slots: int
    # What runs: how many, and the audio that is still to do.
    running: int
    running_left_ms: int
    # The mean length of what waits.
    mean_ms: float

    def seconds(self, audio_ms: float, slots: int) -> float:
        """Until so much audio is worked off by so many slots."""
        return audio_ms / (self.speed_ms * slots)


def standing(connection: Connection, transcription: Transcription) -> Standing:
    """A recording with its place and its times."""
    if transcription.measured_ms is None:
        return Standing(transcription)
    if transcription.state is State.RUNNING:
        pace = _pace(connection)
        if pace is None:
            return Standing(transcription, starts_in_seconds=0)
        left_ms = max(transcription.measured_ms - transcription.done_ms, 0)
        return Standing(transcription, None, 0, pace.seconds(left_ms, 1))
    if transcription.state is not State.QUEUED:
        return Standing(transcription)
    own_ahead, all_ahead, running_max = _ahead(connection, transcription)
    pace = _pace(connection)
    if pace is None:
        return Standing(transcription, all_ahead + 1)
    starts = _start(pace, own_ahead, all_ahead, running_max)
    ends = starts + pace.seconds(transcription.measured_ms, 1)
    return Standing(transcription, all_ahead + 1, starts, ends)


def _start(pace: _Pace, own_ahead: int, all_ahead: int, running_max: int) -> float:
    """Seconds until the first slot is free for it, and its user's own jobs let it."""
    if all_ahead + pace.running < pace.slots and own_ahead < running_max:
        return 0.0
    ahead_ms = all_ahead * pace.mean_ms + pace.running_left_ms
    own_ms = own_ahead * pace.mean_ms
    own_slots = min(running_max, pace.slots)
    return max(pace.seconds(ahead_ms, pace.slots), pace.seconds(own_ms, own_slots))


def _ahead(connection: Connection, transcription: Transcription) -> tuple[int, int, int]:
    """How many of their own come first, how many of all, and how many of theirs may run at once."""
    row = _row(
        connection,
        """
        WITH own AS (
            SELECT count(*) AS ahead FROM transcriptions
            WHERE user_id = %(user)s AND state = 'queued' AND NOT delayed AND number < %(number)s
        )
        SELECT own.ahead, own.ahead + coalesce(sum(CASE
                   WHEN other.priority > mine.priority THEN other.queued
                   WHEN other.priority < mine.priority THEN 0
                   ELSE least(other.queued, own.ahead + (other.rank < mine.rank)::integer)
               END), 0)::bigint, mine.running_max
        FROM own CROSS JOIN lanes AS mine
        LEFT JOIN lanes AS other ON other.user_id <> mine.user_id AND other.queued > 0
            AND NOT other.frozen
        WHERE mine.user_id = %(user)s GROUP BY own.ahead, mine.user_id
        """,
        {"user": transcription.user_id, "number": transcription.number},
    )
    return row[0], row[1], row[2]


def _pace(connection: Connection) -> _Pace | None:
    """None where no worker is there, or none has finished anything lately."""
    speed_ms, slots, running, left_ms, mean_ms = _row(
        connection,
        """
        WITH lately AS (
            SELECT decoded_ms, extract(epoch FROM ended_at - started_at) AS seconds
            FROM transcriptions WHERE state = 'done' AND NOT test ORDER BY ended_at DESC LIMIT 20
        ), busy AS (
            SELECT count(*) AS running,
                   coalesce(sum(greatest(measured_ms - done_ms, 0)), 0)::bigint AS left_ms
            FROM transcriptions WHERE state IN ('running', 'cancelling')
        )
        SELECT (SELECT (sum(decoded_ms) / nullif(sum(seconds), 0))::double precision FROM lately),
               (SELECT coalesce(sum(slots), 0)::bigint FROM workers JOIN boots USING (boot_id)
                WHERE ended_at IS NULL),
               busy.running, busy.left_ms,
               (SELECT (sum(queued_ms) / nullif(sum(queued), 0))::double precision FROM lanes)
        FROM busy
        """,
        {},
    )
    if not speed_ms or not slots:
        return None
    return _Pace(speed_ms, slots, running, left_ms, mean_ms or 0.0)


def _row(connection: Connection, query: Any, arguments: dict[str, Any]) -> tuple[Any, ...]:
    row = connection.execute(query, arguments).fetchone()
    assert row is not None
    return row
