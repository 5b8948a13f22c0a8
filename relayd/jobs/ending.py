"""How a job ends: its money, its lane and its row in one transaction, once.

Only the claim that still counts may end a job that runs: a worker that was taken for dead and
wakes late would else free a place in the lane that another one has.
"""

from typing import Final
from uuid import UUID

import attrs

from relayd.database.ports import Connection
from relayd.jobs import costs, lanes
from relayd.jobs.job import Fence, Job, lock
from relayd.jobs.lanes import Change
from relayd.ledger import balances

__all__ = ["RUNNING", "EndedJob", "JobEnding", "conclude", "discard", "erase", "finish", "give_up"]

RUNNING: Final = frozenset({"running", "cancelling"})


@attrs.frozen
class JobEnding:
    """How it ended. ``state`` is done, failed, cancelled or expired."""

    state: str
    # Audio that was transcribed: what is charged goes by it.
    decoded_ms: int = 0
    engine: str | None = None
    # The result document's key in the store.
    result: str | None = None
    reason: str | None = None
    problem: str | None = None
    # Whether the recording stays in the store.
    keeps_audio: bool = False


@attrs.frozen
class EndedJob:
    """A job that ended: what its owner is told, and what it cost."""

    state: str
    charged_ms: int


def finish(
    connection: Connection, job: tuple[UUID, UUID], fence: Fence, ending: JobEnding, days: float
) -> EndedJob | None:
    """End a claimed job; ``job`` is its user's id and its own.

    None where the claim doesn't count any more: the job stays as it is, and the result is
    nobody's. Asked again because the answer was lost, it is what it was.
    """
    found = lock(connection, *job)
    if found is None:
        return None
    if found.is_of(fence):
        if found.state == "cancelling":
            # It was done just then; its owner was told otherwise.
            if ending.result is not None:
                give_up(connection, ending.result)
            ending = attrs.evolve(ending, state="cancelled", result=None)
        return conclude(connection, found, ending, days)
    if ending.result is not None:
        if found.result == ending.result:
            assert found.charged_ms is not None
            return EndedJob(found.state, found.charged_ms)
        give_up(connection, ending.result)
    return None


def conclude(connection: Connection, job: Job, ending: JobEnding, days: float) -> EndedJob:
    """End a job that is locked; what stays of it is deleted after so many days."""
    charged_ms = _charge(connection, job, ending)
    connection.execute(
        """
        UPDATE transcriptions
        SET state = %(state)s, boot_id = NULL, delayed = false, ready_at = NULL,
            done_ms = %(decoded_ms)s, decoded_ms = %(decoded_ms)s, charged_ms = %(charged)s,
            engine = %(engine)s, result = %(result)s, reason = %(reason)s,
            problem = %(problem)s, ended_at = clock_timestamp(),
            expires_at = clock_timestamp() + make_interval(secs => 86400 * %(days)s)
        WHERE id = %(id)s
        """,
        {**attrs.asdict(ending), "charged": charged_ms, "id": job.id, "days": days},
    )
    left = _left_lane(job)
    if left is not None:
        # Nothing enters, so what a priority is worth doesn't matter.
        lanes.change(connection, job.user_id, left, aging_seconds=0)
        lanes.wake(connection)
    if not ending.keeps_audio:
        discard(connection, job.id)
    if job.doomed:
        erase(connection, job.id)
    return EndedJob(ending.state, charged_ms)


def discard(connection: Connection, job_id: UUID) -> None:
    """Give up a recording's audio; it is removed from the store soon."""
    row = connection.execute(
        "SELECT source FROM transcriptions WHERE id = %s AND source IS NOT NULL", (job_id,)
    ).fetchone()
    if row is not None:
        connection.execute("UPDATE transcriptions SET source = NULL WHERE id = %s", (job_id,))
        give_up(connection, row[0])


def give_up(connection: Connection, key: str) -> None:
    """Have an object removed from the store soon: nothing refers to it any more."""
    connection.execute(
        "INSERT INTO discarded_objects (key) VALUES (%s) ON CONFLICT DO NOTHING", (key,)
    )


def erase(connection: Connection, job_id: UUID) -> None:
    """Take out of a recording that has ended all but what the books need."""
    discard(connection, job_id)
    row = connection.execute(
        """
        SELECT result FROM transcriptions
        WHERE id = %s AND ended_at IS NOT NULL AND deleted_at IS NULL
        """,
        (job_id,),
    ).fetchone()
    if row is None:
        return
    if row[0] is not None:
        give_up(connection, row[0])
    connection.execute(
        """
        UPDATE transcriptions
        SET state = 'deleted', deleted_at = now(), expires_at = NULL, name = '', options = '{}',
            metadata = '{}', problem = NULL, result = NULL, doomed = false,
            idempotency_key = NULL, fingerprint = NULL
        WHERE id = %s
        """,
        (job_id,),
    )


def _charge(connection: Connection, job: Job, ending: JobEnding) -> int:
    if not job.hold_ms or job.measured_ms is None:
        return 0
    charged_ms = costs.charge_ms(ending.decoded_ms, job.measured_ms, job.rate_per_mille)
    charged = balances.settle(connection, job.id, charged_ms, f"transcription {ending.state}")
    assert charged is not None, "held when it was queued"
    assert charged.charged_ms == charged_ms, "settled once, with its state"
    return charged_ms


def _left_lane(job: Job) -> Change | None:
    """What leaves the lane with this job."""
    if job.state in RUNNING:
        return Change(running=-1)
    if job.state != "queued":
        return None
    if job.delayed:
        return Change(delayed=-1)
    assert job.measured_ms is not None
    return Change(queued=-1, queued_ms=-job.measured_ms)
