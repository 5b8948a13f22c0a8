"""Jobs that go back into the queue: given back, failed for now, or left by a worker that died.

What is no fault of the recording counts no attempt: a worker that is stopped, an engine that
asks for a pause, a database that is away. A job whose workers died again and again is given up
all the same, or one that kills them would go on for ever.
"""

import random
from typing import Final
from uuid import UUID

import attrs

from relayd.database.ports import Connection
from relayd.jobs import lanes
from relayd.jobs.ending import RUNNING, EndedJob, JobEnding, conclude
from relayd.jobs.job import Fence, Job, lock
from relayd.jobs.lanes import Change
from relayd.ledger import boots

__all__ = [
    "DEATHS_MAX",
    "Manner",
    "QueueLook",
    "bury",
    "fail",
    "give_back",
    "left_behind",
    "look",
    "wake_due",
]

# Workers that may die over one job. A recording is decoded and transcribed in processes of its
# own, so each of these was most likely a machine that went away.
DEATHS_MAX: Final = 10
# What one transaction moves at most.
BATCH: Final = 500


@attrs.frozen
class Manner:
    """How patient the queue is."""

    attempts: int
    # Before the second attempt, doubled with each further one, and up to half as much more.
    retry_seconds: float
    aging_seconds: float
    # After which what is left of a job that has ended is deleted.
    result_days: float

    def pause_seconds(self, failures: int) -> float:
        """Before another attempt, after so many that failed.

        Jitter keeps those that failed together from coming back together.
        """
        longer = random.uniform(1, 1.5)  # noqa: S311 - no secret
        return self.retry_seconds * (1 << (failures - 1)) * longer


def give_back(
    connection: Connection,
    job: tuple[UUID, UUID],
    fence: Fence,
    manner: Manner,
    pause_seconds: float = 0,
) -> bool:
    """Queue a claimed job again, uncounted; ``job`` is its user's id and its own.

    False where the claim didn't count any more. One that is being cancelled ends instead.
    """
    found = lock(connection, *job)
    if found is None or not found.is_of(fence):
        return False
    if found.state == "cancelling":
        conclude(
            connection, found, JobEnding("cancelled", decoded_ms=found.done_ms), manner.result_days
        )
    else:
        _queue_again(connection, found, manner, pause_seconds)
    return True


def fail(
    connection: Connection,
    job: tuple[UUID, UUID],
    fence: Fence,
    ending: JobEnding,
    manner: Manner,
    *,
    final: bool = False,
) -> EndedJob | None:
    """Count an attempt that failed: the job is queued again after a pause, or fails for good.

    ``final``: another attempt would fail alike. None where it is queued again, or the claim
    didn't count any more.
    """
    assert ending.state == "failed"
    found = lock(connection, *job)
    if found is None or not found.is_of(fence):
        return None
    failures = found.failures + 1
    connection.execute(
        "UPDATE transcriptions SET failures = %s WHERE id = %s", (failures, found.id)
    )
    if found.state == "cancelling":
        cancelled = JobEnding("cancelled", decoded_ms=found.done_ms)
        return conclude(connection, found, cancelled, manner.result_days)
    if final or failures >= manner.attempts:
        return conclude(connection, found, ending, manner.result_days)
    _queue_again(connection, found, manner, manner.pause_seconds(failures))
    return None


def left_behind(connection: Connection) -> list[tuple[UUID, UUID]]:
    """Jobs whose worker ended, or was taken for dead: their users' ids and their own."""
    rows = connection.execute(
        """
        SELECT t.user_id, t.id FROM transcriptions AS t JOIN boots AS b ON b.boot_id = t.boot_id
        WHERE t.state IN ('running', 'cancelling') AND b.ended_at IS NOT NULL
        ORDER BY t.number LIMIT %s
        """,
        (BATCH,),
    ).fetchall()
    return [(row[0], row[1]) for row in rows]


def bury(connection: Connection, job: tuple[UUID, UUID], manner: Manner) -> bool:
    """Queue again what a dead worker left; False where somebody else has, or it lives again."""
    found = lock(connection, *job)
    if found is None or found.state not in RUNNING or found.boot_id is None:
        return False
    if not boots.has_ended(connection, found.boot_id):
        return False
    connection.execute("UPDATE transcriptions SET deaths = deaths + 1 WHERE id = %s", (found.id,))
    if found.state == "cancelling":
        conclude(
            connection, found, JobEnding("cancelled", decoded_ms=found.done_ms), manner.result_days
        )
    elif found.deaths + 1 >= DEATHS_MAX:
        problem = f"{DEATHS_MAX} workers ended while they were at it"
        conclude(
            connection,
            found,
            JobEnding("failed", reason="worker_lost", problem=problem),
            manner.result_days,
        )
    else:
        _queue_again(connection, found, manner, 0)
    return True


def wake_due(connection: Connection, aging_seconds: float) -> int:
    """Let those be claimed whose pause is over; how many there were."""
    due = connection.execute(
        """
        SELECT user_id, id FROM transcriptions
        WHERE state = 'queued' AND delayed AND ready_at <= now() ORDER BY user_id LIMIT %s
        """,
        (BATCH,),
    ).fetchall()
    return sum(_wake(connection, user_id, job_id, aging_seconds) for user_id, job_id in due)


@attrs.frozen
class QueueLook:
    """What there was to do: the jobs that dead workers left, as `left_behind` has them.

    ``calm``: nothing waits, pauses or runs, so that there can't be more of it soon.
    """

    left: list[tuple[UUID, UUID]]
    calm: bool


def look(connection: Connection, aging_seconds: float) -> QueueLook:
    """`wake_due` and `left_behind` in one transaction, because every worker asks all the time."""
    wake_due(connection, aging_seconds)
    row = connection.execute(
        """
        SELECT NOT EXISTS (SELECT FROM transcriptions WHERE state IN ('running', 'cancelling'))
           AND NOT EXISTS (SELECT FROM transcriptions WHERE state = 'queued' AND delayed)
           AND NOT EXISTS (SELECT FROM transcriptions WHERE state = 'queued' AND NOT delayed)
        """
    ).fetchone()
    assert row is not None
    calm = row[0]
    return QueueLook([] if calm else left_behind(connection), calm)


def _wake(connection: Connection, user_id: UUID, job_id: UUID, aging_seconds: float) -> bool:
    lanes.lock(connection, user_id)
    row = connection.execute(
        """
        UPDATE transcriptions SET delayed = false, ready_at = NULL
        WHERE id = %s AND state = 'queued' AND delayed RETURNING measured_ms
        """,
        (job_id,),
    ).fetchone()
    if row is None:
        return False
    change = Change(queued=1, queued_ms=row[0], delayed=-1)
    lanes.change(connection, user_id, change, aging_seconds)
    return True


def _queue_again(connection: Connection, job: Job, manner: Manner, pause_seconds: float) -> None:
    delayed = pause_seconds > 0
    connection.execute(
        """
        UPDATE transcriptions
        SET state = 'queued', boot_id = NULL, done_ms = 0, started_at = NULL,
            delayed = %(delayed)s, ready_at = CASE WHEN %(delayed)s
                THEN clock_timestamp() + make_interval(secs => %(pause)s) END
        WHERE id = %(id)s
        """,
        {"delayed": delayed, "pause": pause_seconds, "id": job.id},
    )
    assert job.measured_ms is not None
    if delayed:
        change = Change(delayed=1, running=-1)
    else:
        change = Change(queued=1, queued_ms=job.measured_ms, running=-1)
    lanes.change(connection, job.user_id, change, manner.aging_seconds)
    # The lane has a free place, also where this job has to wait.
    lanes.wake(connection)
