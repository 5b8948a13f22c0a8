"""What was begun with a key that is over is called off: uploads, what waits, what runs."""

from typing import Final

import trio

from relayd import logs
from relayd.background import keep
from relayd.database.ports import Connection, Database
from relayd.ledger import balances
from relayd.transcriptions.ending import cancel

__all__ = ["run_winding_up", "wind_up"]

log = logs.get(__name__)

# Between two looks for a key that was revoked, or ran out.
LOOK_SECONDS: Final = 2.0
# What one transaction calls off, while it has the user's balance.
BATCH: Final = 100


async def run_winding_up(database: Database, result_days: float) -> None:
    """Until cancelled. Several may do this at once."""

    async def look() -> None:
        cancelled = await database.transact(wind_up, result_days)
        if cancelled:
            log.info("recordings of an ended key called off", count=cancelled)
        if cancelled is None:
            await trio.sleep(LOOK_SECONDS)

    await keep("winding up ended keys", look)


def wind_up(connection: Connection, days: float) -> int | None:
    """Call off a bounded number of what one key began that is over: how many.

    None where there is no such key. Nothing is begun with it any more: whoever hands something in
    shares the key's row until that is in the queue.
    """
    row = connection.execute(
        """
        SELECT id, user_id FROM api_keys
        WHERE wound_up_at IS NULL AND (revoked_at IS NOT NULL OR expires_at IS NOT NULL)
          AND least(revoked_at, expires_at) <= now()
        ORDER BY least(revoked_at, expires_at) LIMIT 1
        """
    ).fetchone()
    if row is None:
        return None
    key_id, user_id = row
    balances.lock(connection, user_id)
    connection.execute("SELECT FROM api_keys WHERE id = %s FOR UPDATE", (key_id,))
    begun = connection.execute(
        """
        SELECT id FROM transcriptions
        WHERE key_id = %s AND state IN ('uploading', 'probing', 'queued', 'running')
        ORDER BY id LIMIT %s
        """,
        (key_id, BATCH),
    ).fetchall()
    for (transcription_id,) in begun:
        cancel(connection, user_id, transcription_id, days)
    if len(begun) < BATCH:
        connection.execute("UPDATE api_keys SET wound_up_at = now() WHERE id = %s", (key_id,))
    return len(begun)
