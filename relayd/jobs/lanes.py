"""Lanes: one user's turn in the queue, and the counts of what is in it.

A lane is locked before a job of it changes its state, and after the user's balance where money
moves. Its counts are what a claim goes by, so whoever changes a state changes them in the same
transaction; `relayd audit` compares both.
"""

from uuid import UUID

import attrs

from relayd.database.ports import Connection

__all__ = ["Change", "Lane", "Terms", "change", "enter", "lock"]


@attrs.frozen
class Terms:
    """What a user may have in the queue: their plan says it, or the configuration for everybody."""

    # Of two that wait, who has the higher one is served first, unless the other waits longer than
    # that is worth.
    priority: int = 0
    # Jobs at once, over all workers: exactly.
    running_max: int = 2
    # Jobs that wait.
    queued_max: int = 1000
    # The longest recording.
    audio_ms_max: int = 10 * 3_600_000
    # What recordings may be transcribed with; None: with all that there is.
    models: frozenset[str] | None = None


@attrs.frozen
class Lane:
    """What is in a user's lane."""

    user_id: UUID
    queued: int
    delayed: int
    running: int

    @property
    def waiting(self) -> int:
        """Jobs that are not running yet."""
        return self.queued + self.delayed


@attrs.frozen
class Change:
    """So many more, or fewer, of each; ``queued_ms`` is the audio of those that may be claimed."""

    queued: int = 0
    queued_ms: int = 0
    delayed: int = 0
    running: int = 0


def enter(connection: Connection, user_id: UUID, terms: Terms) -> Lane:
    """The user's lane under these terms, made where there is none, and locked."""
    row = connection.execute(
        """
        INSERT INTO lanes (user_id, priority, running_max, rank)
        VALUES (%(user)s, %(priority)s, %(running_max)s, '-infinity')
        ON CONFLICT (user_id)
        DO UPDATE SET priority = %(priority)s, running_max = %(running_max)s
        RETURNING user_id, queued, delayed, running
        """,
        {"user": user_id, "priority": terms.priority, "running_max": terms.running_max},
    ).fetchone()
    assert row is not None
    return Lane(*row)


def lock(connection: Connection, user_id: UUID) -> Lane | None:
    """The user's lane, locked until the transaction ends; None where there was never a job."""
    row = connection.execute(
        "SELECT user_id, queued, delayed, running FROM lanes WHERE user_id = %s FOR UPDATE",
        (user_id,),
    ).fetchone()
    return None if row is None else Lane(*row)


def change(connection: Connection, user_id: UUID, by: Change, aging_seconds: float) -> None:
    """Count a job that changed its state; the lane is locked.

    A lane that was idle begins to wait now, and never before its last turn. One that had something
    running until a moment ago, no longer than a step of priority is worth, keeps its turn: who has
    one recording at a time is served as often as who has many.
    """
    connection.execute(
        """
        UPDATE lanes
        SET queued = queued + %(queued)s, queued_ms = queued_ms + %(queued_ms)s,
            delayed = delayed + %(delayed)s, running = running + %(running)s,
            rank = CASE
                WHEN queued = 0 AND %(queued)s > 0 AND running = 0
                     AND active_at < clock_timestamp() - make_interval(secs => %(aging)s) THEN
                    greatest(rank, clock_timestamp() - priority * make_interval(secs => %(aging)s))
                ELSE rank
            END,
            active_at = CASE
                WHEN %(running)s < 0 THEN clock_timestamp() ELSE active_at END
        WHERE user_id = %(user)s
        """,
        {**attrs.asdict(by), "aging": aging_seconds, "user": user_id},
    )
    if by.queued > 0:
        wake(connection)


def wake(connection: Connection) -> None:
    """Tell idle workers, when this transaction commits, that there is something to claim."""
    connection.execute("SELECT pg_notify('relayd_jobs', '')")
