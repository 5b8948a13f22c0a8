"""What each engine did on each day (UTC): days that are over are summed up once, the rest is read.

What ended counts on the day it ended, which never changes afterwards: a day is summed up when it
has been over for longer than a transaction lasts.
"""

import datetime as dt
from typing import Final, LiteralString

import attrs

from relayd.database.ports import Connection
from relayd.session.endings import EndReason

__all__ = ["DAYS_AT_ONCE", "FAULTS", "EngineDay", "engine_days", "sum_up"]

# Summed up in one transaction at most, where there is a past to catch up with.
DAYS_AT_ONCE: Final = 31
# After its end a day may still get what was settled in its last moments and committed later.
_OVER_HOURS: Final = 1

# Endings that are nobody's wish.
FAULTS: Final = [
    one.label
    for one in (
        EndReason.UPSTREAM_UNAVAILABLE,
        EndReason.UPSTREAM_CLOSED,
        EndReason.SERVICE_UNAVAILABLE,
        EndReason.INTERNAL_ERROR,
    )
]

_ENDED: Final[LiteralString] = """
    SELECT day, 'live', engine, model, rate, sum(streams)::bigint,
           sum(CASE WHEN last AND NOT fault THEN streams - 1 ELSE streams END)::bigint,
           sum(charged_ms * 1000 / rate)::bigint, sum(charged_ms)::bigint
    FROM (
        SELECT (s.ended_at AT TIME ZONE 'UTC')::date AS day,
               s.end_reason = ANY (%(faults)s) AS fault,
               coalesce(h.engine, s.engine) AS engine, coalesce(h.model, s.model) AS model,
               coalesce(h.rate, s.rate) AS rate, coalesce(h.charged_ms, s.used_ms) AS charged_ms,
               coalesce(h.streams, 1) AS streams, coalesce(h.last, true) AS last
        FROM transcription_sessions AS s LEFT JOIN session_engines AS h ON h.session_id = s.id
        WHERE s.ended_at >= %(since)s AND s.ended_at < %(until)s) AS heard
    GROUP BY day, engine, model, rate
    UNION ALL
    SELECT (ended_at AT TIME ZONE 'UTC')::date, 'batch', coalesce(engine, ''), model,
           rate_per_mille, count(*),
           count(*) FILTER (WHERE state = 'failed'),
           coalesce(sum(decoded_ms), 0)::bigint, coalesce(sum(charged_ms), 0)::bigint
    FROM transcriptions
    WHERE started_at IS NOT NULL AND ended_at >= %(since)s AND ended_at < %(until)s
    GROUP BY 1, 3, model, rate_per_mille
"""


@attrs.frozen
class EngineDay:
    """One engine with one model at one price, on one day.

    ``failed``, of those that ended: a fault of ours or of the engine's. A live stream counts with
    each engine that heard it, and has failed with all but the last. ``rate`` is milliseconds of
    credit for a second of audio.
    """

    day: dt.date
    # live or batch
    kind: str
    engine: str
    model: str
    rate: int
    ended: int
    failed: int
    audio_ms: int
    charged_ms: int


def sum_up(connection: Connection, now: dt.datetime) -> int:
    """Sum up days that are over, so many of them; how many there were."""
    (since,) = _the_one(connection, "SELECT day FROM engine_days_until FOR UPDATE")
    over = (now.astimezone(dt.UTC) - dt.timedelta(hours=_OVER_HOURS)).date()
    until = min(over, since + dt.timedelta(days=DAYS_AT_ONCE))
    if until <= since:
        return 0
    connection.execute(
        b"INSERT INTO engine_days" + _ENDED.encode(), _between(_start(since), _start(until))
    )
    connection.execute("UPDATE engine_days_until SET day = %s", (until,))
    days: dt.timedelta = until - since
    return days.days


def engine_days(connection: Connection, since: dt.date) -> list[EngineDay]:
    """From this day on, until now; the latest day last."""
    (until,) = _the_one(connection, "SELECT day FROM engine_days_until")
    rows = connection.execute(
        """
        SELECT day, kind, engine, model, rate, ended, failed, audio_ms, charged_ms
        FROM engine_days WHERE day >= %s
        """,
        (since,),
    ).fetchall()
    now = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    rows += connection.execute(_ENDED, _between(_start(max(since, until)), now)).fetchall()
    return sorted(
        (EngineDay(*row) for row in rows),
        key=lambda one: (one.day, one.kind, one.engine, one.model, one.rate),
    )


def _the_one(connection: Connection, query: LiteralString) -> tuple[dt.date]:
    row = connection.execute(query).fetchone()
    assert row is not None, "the migration made it"
    return (row[0],)


def _between(since: dt.datetime, until: dt.datetime) -> dict[str, object]:
    return {"since": since, "until": until, "faults": FAULTS}


def _start(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)
