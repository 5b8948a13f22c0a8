"""A user's recordings, page by page, and what they come to."""

from typing import Any, Final
from uuid import UUID

from relayd.database.ports import Connection
from relayd.transcriptions.outcomes import SHOWN, Filters, Page, QueueStats, Shown, UserStats
from relayd.transcriptions.records import SELECT, of_row

__all__ = ["page", "queue_stats", "user_stats"]

_STATES: Final = {
    shown: [state.value for state, told in SHOWN.items() if told is shown] for shown in Shown
}


def page(
    connection: Connection,
    user_id: UUID,
    filters: Filters,
    before: int | None,
    most: int,
    *,
    test: bool = False,
) -> Page:
    """At most so many, newest first, with numbers below ``before``; deleted ones aren't shown."""
    states = None if filters.shown is None else _STATES[filters.shown]
    rows = connection.execute(
        f"""
        {SELECT}
        WHERE user_id = %(user)s AND test = %(test)s AND state <> 'deleted' AND NOT doomed
          AND (%(before)s::bigint IS NULL OR number < %(before)s)
          AND (%(states)s::text[] IS NULL OR state = ANY (%(states)s))
          AND (%(model)s::text IS NULL OR model = %(model)s)
          AND (%(since)s::timestamptz IS NULL OR created_at >= %(since)s)
          AND (%(until)s::timestamptz IS NULL OR created_at < %(until)s)
        ORDER BY number DESC LIMIT %(most)s
        """,
        {
            "user": user_id,
            "test": test,
            "before": before,
            "states": states,
            "model": filters.model,
            "since": filters.since,
            "until": filters.until,
            "most": most + 1,
        },
    ).fetchall()
    found = tuple(of_row(row) for row in rows[:most])
    return Page(found, found[-1].number if len(rows) > most else None)


def user_stats(connection: Connection, user_id: UUID, *, test: bool = False) -> UserStats:
    """What they have in the queue now, and had in the last 30 days."""
    return UserStats(
        *_row(
            connection,
            """
            SELECT count(*) FILTER (WHERE state = 'queued'),
                   count(*) FILTER (WHERE state IN ('running', 'cancelling')),
                   count(*) FILTER (WHERE state = 'done'),
                   count(*) FILTER (WHERE state = 'failed'),
                   coalesce(sum(decoded_ms), 0)::bigint,
                   coalesce(sum(charged_ms), 0)::bigint
            FROM transcriptions
            WHERE user_id = %s AND test = %s
              AND (ended_at IS NULL OR ended_at > now() - interval '30 days')
            """,
            user_id,
            test,
        )
    )


def queue_stats(connection: Connection) -> QueueStats:
    """The whole queue: of its lanes, not of its jobs, so that a long one costs nothing."""
    return QueueStats(
        *_row(
            connection,
            """
            SELECT count(*) FILTER (WHERE queued + delayed > 0),
                   coalesce(sum(queued), 0)::bigint, coalesce(sum(queued_ms), 0)::bigint,
                   coalesce(sum(delayed), 0)::bigint, coalesce(sum(running), 0)::bigint,
                   coalesce(extract(epoch FROM clock_timestamp() - min(oldest.queued_at)), 0)
                       ::double precision,
                   (SELECT count(*) FROM workers JOIN boots USING (boot_id)
                    WHERE ended_at IS NULL),
                   (SELECT coalesce(sum(slots), 0)::bigint FROM workers JOIN boots USING (boot_id)
                    WHERE ended_at IS NULL)
            FROM lanes AS l
            LEFT JOIN LATERAL (
                SELECT queued_at FROM transcriptions AS t
                WHERE t.user_id = l.user_id AND t.state = 'queued' AND NOT t.delayed
                  AND l.queued > 0
                ORDER BY number LIMIT 1
            ) AS oldest ON true
            """,
        )
    )


def _row(connection: Connection, query: Any, *arguments: Any) -> tuple[Any, ...]:
    row = connection.execute(query, arguments).fetchone()
    assert row is not None
    return row
