"""Where sessions came from is kept for a while, for who looks into abuse, and then is gone.

What was used stays: of a settled session, the address alone may still be changed, to nothing.
"""

from typing import Final

from relayd.database.ports import Connection, Database

__all__ = ["forget_addresses"]

# Of one transaction, and of one round: an operator who shortens the time waits some rounds.
_ROWS: Final = 1000
_PASSES: Final = 20


async def forget_addresses(database: Database, days: int) -> int:
    """Forget some of the addresses of sessions that ended so long ago; how many.

    Call it every ten minutes or so. Raises `DatabaseUnavailable`.
    """
    forgotten = 0
    for _ in range(_PASSES):
        gone = await database.transact(_forget, days)
        forgotten += gone
        if gone < _ROWS:
            break
    return forgotten


def _forget(connection: Connection, days: int) -> int:
    return connection.execute(
        """
        UPDATE transcription_sessions SET client_address = ''
        WHERE id IN (
            SELECT id FROM transcription_sessions
            WHERE client_address <> '' AND ended_at IS NOT NULL
              AND ended_at < now() - make_interval(days => %s)
            ORDER BY ended_at LIMIT %s FOR UPDATE SKIP LOCKED)
        """,
        (days, _ROWS),
    ).rowcount
