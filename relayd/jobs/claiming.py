"""Claiming: the next job for a worker that has a free slot, and news of what runs."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import attrs

from relayd.database.ports import Connection
from relayd.errors import LedgerUnavailable
from relayd.jobs.job import Fence
from relayd.ledger import boots

__all__ = ["Claim", "Orders", "claim", "owned", "progress"]


@attrs.frozen
class Claim:
    """A job to work on, and the fence that ends it."""

    id: UUID
    user_id: UUID
    fence: Fence
    # How often it has failed so far.
    failures: int
    model: str
    name: str
    options: Mapping[str, Any]
    # The recording's key in the store.
    source: str
    measured_ms: int
    # It is to be pretended.
    test: bool = False


@attrs.frozen
class Orders:
    """What a worker is to do with a job that it works on.

    ``lost``: the claim doesn't count any more. ``cancelled``: its owner gave it up. ``frozen``:
    a payment of theirs is disputed, and the job ends as a live session does.
    """

    lost: bool = False
    cancelled: bool = False
    frozen: bool = False


def claim(connection: Connection, boot_id: UUID, aging_seconds: float) -> Claim | None:
    """Take the next job; None where nothing may begin now.

    Refused as `LedgerUnavailable` to a worker that was taken for dead and hasn't beaten since:
    nobody would queue its jobs again.
    """
    row = connection.execute(
        "SELECT * FROM claim_transcription(%s, make_interval(secs => %s))",
        (boot_id, aging_seconds),
    ).fetchone()
    if row is None:
        return None
    if boots.has_ended(connection, boot_id):
        raise LedgerUnavailable("this worker was taken for dead, and has not beaten since")
    job_id, user_id, attempt, *rest = row
    # A statement of its own: the one above may be older than the job that its function found, and
    # would see nothing of it.
    of_key = connection.execute(
        "SELECT test FROM transcriptions WHERE id = %s", (job_id,)
    ).fetchone()
    assert of_key is not None, "it was claimed in this transaction"
    facts: list[Any] = [*rest, of_key[0]]
    return Claim(job_id, user_id, Fence(boot_id, attempt), *facts)


def owned(connection: Connection, boot_id: UUID) -> list[tuple[tuple[UUID, UUID], Fence]]:
    """The jobs that a boot has: their users' ids and their own, and the fence of each."""
    rows = connection.execute(
        """
        SELECT user_id, id, attempt FROM transcriptions
        WHERE boot_id = %s AND state IN ('running', 'cancelling') ORDER BY number
        """,
        (boot_id,),
    ).fetchall()
    return [((row[0], row[1]), Fence(boot_id, row[2])) for row in rows]


def progress(connection: Connection, job_id: UUID, fence: Fence, done_ms: int) -> Orders:
    """Record how much audio is worked off; what the worker is to do."""
    row = connection.execute(
        """
        UPDATE transcriptions AS t SET done_ms = greatest(done_ms, %(done)s)
        FROM lanes AS l
        WHERE t.id = %(id)s AND t.state IN ('running', 'cancelling')
          AND t.boot_id = %(boot)s AND t.attempt = %(attempt)s AND l.user_id = t.user_id
        RETURNING t.state, l.frozen
        """,
        {"done": done_ms, "id": job_id, "boot": fence.boot_id, "attempt": fence.attempt},
    ).fetchone()
    if row is None:
        return Orders(lost=True)
    state, frozen = row
    return Orders(cancelled=state == "cancelling", frozen=frozen)
