"""The transactions of a daemon's life: registered, beating, ended, taken for dead.

A boot is the last row that a transaction locks, after balances and sessions: whoever holds it
waits for nobody any more.
"""

from uuid import UUID

import attrs

from relayd.database.ports import Connection
from relayd.errors import LedgerUnavailable

__all__ = ["Pulse", "beat", "bury", "end", "has_ended", "left_open", "pulses", "register", "vouch"]


@attrs.frozen
class Pulse:
    """A boot with open sessions or running jobs, as its row stands now."""

    boot_id: UUID
    beats: int
    ended: bool


def register(connection: Connection, boot_id: UUID, host: str) -> None:
    """Record a new run of a daemon; sessions refer to it."""
    connection.execute(
        "INSERT INTO boots (boot_id, host) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        (boot_id, host),
    )


def beat(connection: Connection, boot_id: UUID) -> None:
    """Say that the daemon lives, also where a sweeper had given it up."""
    connection.execute(
        """
        UPDATE boots SET beats = beats + 1, heartbeat_at = now(), ended_at = NULL
        WHERE boot_id = %s
        """,
        (boot_id,),
    )


def vouch(connection: Connection, boot_id: UUID) -> None:
    """Beat as a part of a transaction that lets a session of this boot spend.

    So a boot that was seen to stand still has let nobody spend meanwhile: a burial waits for this
    row, and finds that it was too soon. One that was buried before is refused, as
    `LedgerUnavailable`, until its heartbeat has brought it back.
    """
    beaten = connection.execute(
        """
        UPDATE boots SET beats = beats + 1, heartbeat_at = now()
        WHERE boot_id = %s AND ended_at IS NULL
        """,
        (boot_id,),
    )
    if beaten.rowcount == 0:
        raise LedgerUnavailable("this daemon was taken for dead, and has not beaten since")


def has_ended(connection: Connection, boot_id: UUID) -> bool:
    """Whether a boot ended or was buried; that stays so until the transaction is over."""
    row = connection.execute(
        "SELECT ended_at IS NOT NULL FROM boots WHERE boot_id = %s FOR SHARE", (boot_id,)
    ).fetchone()
    return row is not None and bool(row[0])


def end(connection: Connection, boot_id: UUID) -> None:
    """Say that the daemon ended: whatever it left open may be settled at once."""
    connection.execute(
        "UPDATE boots SET ended_at = now() WHERE boot_id = %s AND ended_at IS NULL", (boot_id,)
    )


def pulses(connection: Connection, own_boot_id: UUID) -> list[Pulse]:
    """The other boots that have open sessions, or jobs that they work on."""
    rows = connection.execute(
        """
        SELECT boot_id, beats, ended_at IS NOT NULL FROM boots AS b
        WHERE boot_id <> %s AND (
            EXISTS (
                SELECT FROM transcription_sessions AS s
                WHERE s.boot_id = b.boot_id AND s.ended_at IS NULL)
            OR EXISTS (
                SELECT FROM transcriptions AS t
                WHERE t.boot_id = b.boot_id AND t.state IN ('running', 'cancelling')))
        """,
        (own_boot_id,),
    ).fetchall()
    return [Pulse(*row) for row in rows]


def bury(connection: Connection, boot_id: UUID, beats: int) -> bool:
    """Mark a boot as ended unless it has beaten since; whether it is ended now."""
    row = connection.execute(
        """
        UPDATE boots SET ended_at = coalesce(ended_at, now())
        WHERE boot_id = %s AND beats = %s RETURNING boot_id
        """,
        (boot_id, beats),
    ).fetchone()
    return row is not None


def left_open(connection: Connection, boot_id: UUID) -> list[UUID]:
    """Sessions that a boot left open, the oldest first: at most what one daemon can serve."""
    rows = connection.execute(
        """
        SELECT id FROM transcription_sessions WHERE boot_id = %s AND ended_at IS NULL
        ORDER BY started_at, id
        """,
        (boot_id,),
    )
    return [row[0] for row in rows]
