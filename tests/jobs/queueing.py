"""The queue on PostgreSQL through one connection: each method commits, workers are boots."""

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar
from uuid import UUID, uuid4

import attrs

from relayd.database.ports import Connection
from relayd.jobs import claiming, returning
from relayd.jobs.claiming import Claim, Orders
from relayd.jobs.ending import EndedJob, JobEnding, finish
from relayd.jobs.lanes import Terms
from relayd.jobs.returning import Manner
from relayd.ledger import boots
from relayd.ledger.audit import audit
from relayd.ledger.outcomes import label
from relayd.transcriptions import ending, records, submitting
from relayd.transcriptions.outcomes import Declined, Submission, Transcription
from relayd.transcriptions.submitting import Quote
from tests.ledger.store import Store

__all__ = ["MANNER", "Queue"]

P = ParamSpec("P")
T = TypeVar("T")

MANNER = Manner(attempts=3, retry_seconds=10, aging_seconds=60, result_days=30)


@attrs.define(eq=False)
class Queue:
    """One database's queue."""

    connection: Connection
    terms: Terms = attrs.field(factory=Terms)
    rate_per_mille: int = 1000

    @property
    def store(self) -> Store:
        """The ledger beside it."""
        return Store(self.connection)

    def user(self, balance_ms: int = 1_000_000) -> UUID:
        """A user with so much credit."""
        return self.store.add_user(balance_ms).user_id

    def worker(self) -> UUID:
        """A worker that lives."""
        boot_id = uuid4()
        self.store.register(boot_id)
        return boot_id

    def submit(
        self, user_id: UUID, measured_ms: int = 10_000, **given: Any
    ) -> Transcription | Declined:
        """Hand a recording in."""
        source = given.pop("source", f"audio/{uuid4()}")
        asked = Submission(
            given.pop("id", uuid4()), user_id, "pretend", source, measured_ms, **given
        )
        offer = Quote(self.terms, self.rate_per_mille, MANNER.aging_seconds)
        answer = self.do(submitting.submit, asked, offer)
        return answer if isinstance(answer, Declined) else answer[0]

    def submitted(self, user_id: UUID, measured_ms: int = 10_000, **given: Any) -> Transcription:
        """Hand a recording in that is taken."""
        answer = self.submit(user_id, measured_ms, **given)
        assert isinstance(answer, Transcription), answer
        return answer

    def claim(self, boot_id: UUID) -> Claim | None:
        """A worker takes the next job."""
        return self.do(claiming.claim, boot_id, MANNER.aging_seconds)

    def progress(self, claim: Claim, done_ms: int) -> Orders:
        """A worker tells how far it is."""
        return self.do(claiming.progress, claim.id, claim.fence, done_ms)

    def finish(self, claim: Claim, decoded_ms: int | None = None) -> EndedJob | None:
        """A worker is done."""
        done = claim.measured_ms if decoded_ms is None else decoded_ms
        ended = JobEnding("done", done, "pretend", f"results/{claim.id}.{claim.fence.attempt}")
        return self.do(finish, (claim.user_id, claim.id), claim.fence, ended, MANNER.result_days)

    def fail(self, claim: Claim, *, final: bool = False) -> EndedJob | None:
        """An attempt comes to nothing."""
        failed = JobEnding("failed", reason="engine_failed", problem="It did not answer.")
        job = (claim.user_id, claim.id)
        return self.do(returning.fail, job, claim.fence, failed, MANNER, final=final)

    def give_back(self, claim: Claim, pause_seconds: float = 0) -> bool:
        """A worker lets go of a job."""
        job = (claim.user_id, claim.id)
        return self.do(returning.give_back, job, claim.fence, MANNER, pause_seconds)

    def kill(self, boot_id: UUID) -> None:
        """A worker died, and a sweeper knows."""
        self.do(boots.end, boot_id)

    def bury(self) -> int:
        """Queue again what dead workers left."""
        left = self.do(returning.left_behind)
        return sum(self.do(returning.bury, job, MANNER) for job in left)

    def wake_due(self) -> int:
        """Time passes until every pause is over."""
        self.connection.execute("UPDATE transcriptions SET ready_at = now() WHERE delayed")
        return self.do(returning.wake_due, MANNER.aging_seconds)

    def cancel(self, user_id: UUID, transcription_id: UUID) -> Transcription | None:
        """Its owner gives it up."""
        return self.do(ending.cancel, user_id, transcription_id, MANNER.result_days)

    def delete(self, user_id: UUID, transcription_id: UUID) -> Transcription | None:
        """Its owner wants nothing of it kept."""
        return self.do(ending.delete, user_id, transcription_id, MANNER.result_days)

    def read(self, asked: Transcription | Claim) -> Transcription:
        """A recording as recorded."""
        found = self.do(records.read, asked.user_id, asked.id)
        assert found is not None
        return found

    def discarded(self) -> set[str | None]:
        """Objects that are to be removed."""
        rows = self.connection.execute("SELECT key FROM discarded_objects").fetchall()
        return {row[0] for row in rows}

    def check(self) -> None:
        """The books balance, the lanes too."""
        assert not [label(one) for one in self.do(audit)]

    def do(
        self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """One transaction."""
        with self.connection.transaction():
            return function(self.connection, *args, **kwargs)
