"""Reading recordings from the database."""

from typing import Any, Final, LiteralString
from uuid import UUID

from relayd.database.ports import Connection
from relayd.transcriptions.outcomes import State, Transcription

__all__ = ["COLUMNS", "SELECT", "of_row", "read"]

COLUMNS: Final[LiteralString] = """
    id, number, user_id, state, name, model, options, metadata, source, measured_ms,
    rate_per_mille, hold_ms, done_ms, engine, result, decoded_ms, charged_ms, reason, problem,
    created_at, queued_at, started_at, ended_at, expires_at, doomed, test
"""
SELECT: Final[LiteralString] = f"SELECT {COLUMNS} FROM transcriptions"  # noqa: S608 - constants


def of_row(row: tuple[Any, ...]) -> Transcription:
    """A recording from a row of `COLUMNS`."""
    transcription_id, number, user_id, state, *rest = row
    return Transcription(transcription_id, number, user_id, State(state), *rest)


def read(
    connection: Connection, user_id: UUID, transcription_id: UUID, *, test: bool | None = None
) -> Transcription | None:
    """A user's recording; None where there is none of this id, or it is somebody else's.

    ``test``: whether it must be one, or None for either.
    """
    row = connection.execute(
        f"""
        {SELECT} WHERE id = %(id)s AND user_id = %(user)s
          AND (%(test)s::boolean IS NULL OR test = %(test)s)
        """,
        {"id": transcription_id, "user": user_id, "test": test},
    ).fetchone()
    return None if row is None else of_row(row)
