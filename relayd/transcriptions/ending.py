"""What ends a recording from outside: its owner cancels or deletes it, or its time is over."""

from typing import Final
from uuid import UUID

from relayd.database.ports import Connection
from relayd.jobs import job
from relayd.jobs.ending import RUNNING, JobEnding, conclude, erase
from relayd.transcriptions.outcomes import Transcription
from relayd.transcriptions.records import read

__all__ = ["cancel", "delete", "delete_orphans", "expire", "refuse_upload"]

# What one look ends at most.
BATCH: Final = 100


def cancel(
    connection: Connection,
    user_id: UUID,
    transcription_id: UUID,
    days: float,
    *,
    test: bool | None = None,
) -> Transcription | None:
    """End a recording that has not ended yet; None where its owner has none of this id.

    One that waits ends at once and costs nothing; of one that runs, its worker hears. ``test``:
    whether it must be one, or None for either.
    """
    if read(connection, user_id, transcription_id, test=test) is None:
        return None
    found = job.lock(connection, user_id, transcription_id)
    if found is None:
        return None
    if found.state in {"uploading", "probing", "queued"}:
        conclude(connection, found, JobEnding("cancelled"), days)
    elif found.state == "running":
        connection.execute(
            "UPDATE transcriptions SET state = 'cancelling' WHERE id = %s", (transcription_id,)
        )
        connection.execute("SELECT pg_notify('relayd_cancelled', %s)", (str(transcription_id),))
    return read(connection, user_id, transcription_id)


def delete(
    connection: Connection,
    user_id: UUID,
    transcription_id: UUID,
    days: float,
    *,
    test: bool | None = None,
) -> Transcription | None:
    """Take a recording and its words away, whatever its state; None as in `cancel`.

    What runs is cancelled, and deleted as soon as its worker has let go of it.
    """
    found = cancel(connection, user_id, transcription_id, days, test=test)
    if found is None:
        return None
    if found.ended_at is None:
        connection.execute(
            "UPDATE transcriptions SET doomed = true WHERE id = %s", (transcription_id,)
        )
    else:
        erase(connection, transcription_id)
    return read(connection, user_id, transcription_id)


def refuse_upload(
    connection: Connection, user_id: UUID, transcription_id: UUID, ending: JobEnding, days: float
) -> Transcription | None:
    """End an upload that is of no use, such as one that is no recording; None where it is over."""
    found = job.lock(connection, user_id, transcription_id)
    if found is None or found.state not in {"uploading", "probing"}:
        return None
    conclude(connection, found, ending, days)
    return read(connection, user_id, transcription_id)


def expire(connection: Connection, days: float) -> tuple[int, int]:
    """Give up uploads that nobody went on with, and delete what was kept long enough: how many.

    A bounded number at a time.
    """
    rows = connection.execute(
        """
        SELECT user_id, id FROM transcriptions WHERE expires_at <= now()
        ORDER BY user_id, id LIMIT %s
        """,
        (BATCH,),
    ).fetchall()
    given_up = deleted = 0
    for user_id, transcription_id in rows:
        found = job.lock(connection, user_id, transcription_id)
        assert found is not None, "rows are never deleted"
        if found.state in {"uploading", "probing"}:
            conclude(connection, found, JobEnding("expired", reason="upload_expired"), days)
            given_up += 1
        elif found.state not in RUNNING | {"queued", "deleted"}:
            erase(connection, transcription_id)
            deleted += 1
    return given_up, deleted


def delete_orphans(connection: Connection, days: float) -> int:
    """Delete the recordings of accounts that were deleted; how many, a bounded number at a time."""
    rows = connection.execute(
        """
        SELECT t.user_id, t.id FROM users AS u JOIN transcriptions AS t ON t.user_id = u.id
        WHERE u.deleted_at IS NOT NULL AND t.state <> 'deleted' AND NOT t.doomed
        ORDER BY t.user_id, t.id LIMIT %s
        """,
        (BATCH,),
    ).fetchall()
    for user_id, transcription_id in rows:
        delete(connection, user_id, transcription_id, days)
    return len(rows)
