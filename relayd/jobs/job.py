"""One job as the queue knows it, and the locks that whoever changes its state takes in order."""

from uuid import UUID

import attrs

from relayd.database.ports import Connection
from relayd.jobs import lanes
from relayd.ledger import balances

__all__ = ["Fence", "Job", "lock"]


@attrs.frozen
class Fence:
    """Who claimed a job, and which time it was: this pair alone may end it."""

    boot_id: UUID
    attempt: int


@attrs.frozen
class Job:
    """The queue's part of a recording."""

    id: UUID
    user_id: UUID
    state: str
    boot_id: UUID | None
    attempt: int
    failures: int
    deaths: int
    measured_ms: int | None
    rate_per_mille: int
    hold_ms: int
    done_ms: int
    delayed: bool
    doomed: bool
    # Of one that has ended.
    result: str | None
    charged_ms: int | None

    def is_of(self, fence: Fence) -> bool:
        """Whether this claim still counts."""
        return self.state in {"running", "cancelling"} and (self.boot_id, self.attempt) == (
            fence.boot_id,
            fence.attempt,
        )


def lock(connection: Connection, user_id: UUID, job_id: UUID) -> Job | None:
    """The user's balance, their lane and the job, locked in this order."""
    balances.lock(connection, user_id)
    lanes.lock(connection, user_id)
    row = connection.execute(
        """
        SELECT id, user_id, state, boot_id, attempt, failures, deaths, measured_ms,
               rate_per_mille, hold_ms, done_ms, delayed, doomed, result, charged_ms
        FROM transcriptions WHERE id = %s AND user_id = %s FOR UPDATE
        """,
        (job_id, user_id),
    ).fetchone()
    return None if row is None else Job(*row)
