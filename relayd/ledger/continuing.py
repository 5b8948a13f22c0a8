"""Sessions that go on where another one ended, and what of their audio is paid already.

An app that lost its connection sends audio again for which it was charged, where the session that
heard it is out of its reach: on another machine, dead, or given up.
"""

from typing import Final
from uuid import UUID

from relayd.database.ports import Connection
from relayd.ledger.outcomes import SWEPT
from relayd.session.endings import EndReason
from relayd.session.ports import OpenRequest

__all__ = ["is_settled", "paid_before", "recall"]

# Endings that are no doing of the app's: what was charged for audio that it has to send again to
# another session is paid.
BY_US: Final = (SWEPT, *(reason.label for reason in EndReason if reason.by_us))
# Endings by a connection that broke, which an app could bring about as it likes: what it sends
# again is paid so many times in an hour, each for as much audio as apps keep.
LOST: Final = tuple(reason.label for reason in (EndReason.CLIENT_GONE, EndReason.SLOW_CLIENT))
LOST_MOST: Final = 4
# For so long a session may be continued; longer than any app goes on trying.
CONTINUED_MINUTES: Final = 10


def recall(connection: Connection, session_id: UUID, user_id: UUID) -> bool:
    """Tell every daemon that this session is to end; whether this user has no such one open."""
    settled = is_settled(connection, session_id, user_id)
    if not settled:
        connection.execute("SELECT pg_notify('relayd_recalled', %s)", (str(session_id),))
    return settled


def is_settled(connection: Connection, session_id: UUID, user_id: UUID) -> bool:
    """Whether this user has no such session open."""
    row = connection.execute(
        """
        SELECT FROM transcription_sessions
        WHERE id = %s AND user_id = %s AND ended_at IS NULL
        """,
        (session_id, user_id),
    ).fetchone()
    return row is None


def paid_before(connection: Connection, request: OpenRequest) -> int:
    """What of its first audio was charged by the session that it continues; milliseconds.

    The user's balance is locked, so that no two sessions continue the same one.
    """
    before = request.continues
    if before is None:
        return 0
    row = connection.execute(
        """
        SELECT used_ms + paid_ms, end_reason = ANY(%(lost)s) FROM transcription_sessions AS s
        WHERE id = %(id)s AND user_id = %(user)s AND end_reason = ANY(%(reasons)s)
              AND ended_at > now() - make_interval(mins => %(minutes)s)
              AND NOT EXISTS (SELECT FROM transcription_sessions AS n WHERE n.continues = s.id)
        """,
        {
            "id": before.session_id,
            "user": request.principal.user_id,
            "reasons": [*BY_US, *LOST],
            "lost": list(LOST),
            "minutes": CONTINUED_MINUTES,
        },
    ).fetchone()
    if row is None:
        return 0
    charged_ms, lost = row
    most_ms = before.most_ms
    if lost:
        paid_ms = _paid_lately(connection, request.principal.user_id)
        most_ms = min(most_ms, max(LOST_MOST * most_ms - paid_ms, 0))
    return int(min(max(charged_ms - before.start_ms, 0), most_ms))


def _paid_lately(connection: Connection, user_id: UUID) -> int:
    """What counted as paid in the last hour after connections of this user that broke."""
    row = connection.execute(
        """
        SELECT coalesce(sum(n.paid_ms), 0)::bigint
        FROM transcription_sessions AS n JOIN transcription_sessions AS s ON s.id = n.continues
        WHERE n.user_id = %s AND n.started_at > now() - interval '1 hour'
              AND s.end_reason = ANY(%s)
        """,
        (user_id, list(LOST)),
    ).fetchone()
    assert row is not None, "an aggregate is a row"
    return int(row[0])
