"""Whatever happens to jobs, in any order: the books balance, the lanes too, nothing is lost."""

from typing import TYPE_CHECKING, ClassVar

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from relayd.jobs.claiming import Claim
from relayd.jobs.lanes import Terms
from relayd.transcriptions.outcomes import State, Transcription
from tests.jobs.queueing import Queue

if TYPE_CHECKING:
    from uuid import UUID

pytestmark = pytest.mark.system

WHICH = st.integers(0, 7)
ENDED = {State.DONE, State.FAILED, State.CANCELLED, State.DELETED}


class History(RuleBasedStateMachine):
    """Two users, two workers: submit, claim, tell, finish, fail, give back, die, cancel, delete.

    A worker that died goes on with what it had: its claims are played too, and must come to
    nothing.
    """

    queue: ClassVar[Queue]

    def __init__(self) -> None:
        super().__init__()
        self.users: list[UUID] = []
        self.workers: list[UUID] = []
        self.taken: list[Transcription] = []
        self.claims: list[Claim] = []
        # Claims that don't count any more, and those that do.
        self.valid: dict[UUID, Claim] = {}
        self.charged: dict[UUID, int] = {}

    @initialize(running_max=st.integers(1, 2), rate=st.sampled_from([0, 333, 1000, 2500]))
    def begin(self, running_max: int, rate: int) -> None:
        """Users with some credit."""
        self.queue.terms = Terms(running_max=running_max, queued_max=4)
        self.queue.rate_per_mille = rate
        self.users = [self.queue.user(60_000), self.queue.user(25_000)]
        self.workers = [self.queue.worker(), self.queue.worker()]

    @rule(which=WHICH, measured_ms=st.sampled_from([1, 999, 1000, 4001, 30_000]))
    def submit(self, which: int, measured_ms: int) -> None:
        """A recording is handed in; it may be refused."""
        answer = self.queue.submit(self.users[which % 2], measured_ms)
        if isinstance(answer, Transcription):
            self.taken.append(answer)

    @rule(which=WHICH)
    def claim(self, which: int) -> None:
        """A worker takes the next job."""
        claim = self.queue.claim(self.workers[which % 2])
        if claim is not None:
            assert claim.id not in self.valid
            self.claims.append(claim)
            self.valid[claim.id] = claim

    @precondition(lambda self: self.claims)
    @rule(which=WHICH, done_ms=st.sampled_from([0, 500, 4001, 40_000]))
    def progress(self, which: int, done_ms: int) -> None:
        """A worker tells how far it is, and hears whether it still has the job."""
        claim = self.some(which)
        assert self.queue.progress(claim, done_ms).lost is not self.counts(claim)

    @precondition(lambda self: self.claims)
    @rule(which=WHICH, done_ms=st.sampled_from([0, 999, 1001, 40_000]))
    def finish(self, which: int, done_ms: int) -> None:
        """A worker is done: it counts if the job is still its own, or it said so before."""
        claim = self.some(which)
        before = self.queue.read(claim)
        ended = self.queue.finish(claim, done_ms)
        if self.counts(claim):
            assert ended is not None
            self.over(claim)
        elif ended is not None:
            assert before.result == f"results/{claim.id}.{claim.fence.attempt}"

    @precondition(lambda self: self.claims)
    @rule(which=WHICH, final=st.booleans())
    def fail(self, which: int, final: bool) -> None:
        """An attempt comes to nothing."""
        claim = self.some(which)
        counted = self.counts(claim)
        ended = self.queue.fail(claim, final=final)
        assert counted or ended is None
        if counted:
            self.over(claim)

    @precondition(lambda self: self.claims)
    @rule(which=WHICH, pause_seconds=st.sampled_from([0, 60]))
    def give_back(self, which: int, pause_seconds: int) -> None:
        """A worker lets go."""
        claim = self.some(which)
        assert self.queue.give_back(claim, pause_seconds) is self.counts(claim)
        if self.counts(claim):
            self.over(claim)

    @rule(which=WHICH, buried=st.booleans())
    def kill(self, which: int, buried: bool) -> None:
        """A worker dies; its jobs are queued again, now or later."""
        boot_id = self.workers[which % 2]
        self.queue.kill(boot_id)
        self.workers[which % 2] = self.queue.worker()
        if buried:
            self.bury()

    @rule()
    def bury(self) -> None:
        """What dead workers left is queued again."""
        self.queue.bury()
        for claim in list(self.valid.values()):
            if claim.fence.boot_id not in self.workers:
                self.over(claim)

    @rule()
    def wake(self) -> None:
        """Every pause is over."""
        self.queue.wake_due()

    @precondition(lambda self: self.taken)
    @rule(which=WHICH, delete=st.booleans())
    def give_up(self, which: int, delete: bool) -> None:
        """An owner cancels, or deletes."""
        asked = self.taken[which % len(self.taken)]
        end = self.queue.delete if delete else self.queue.cancel
        assert end(asked.user_id, asked.id) is not None

    @invariant()
    def balanced(self) -> None:
        """Every identity holds, no cap is broken, and no charge ever changes."""
        self.queue.check()
        for asked in self.taken:
            found = self.queue.read(asked)
            if found.charged_ms is not None:
                assert self.charged.setdefault(asked.id, found.charged_ms) == found.charged_ms
            assert (found.state in ENDED) == (found.charged_ms is not None)
        overfull = self.queue.connection.execute("SELECT FROM lanes WHERE running > running_max")
        assert overfull.fetchall() == []

    def teardown(self) -> None:
        """Whatever happened before, every job can be brought to its end."""
        if not self.taken:
            return
        for boot_id in self.workers:
            self.queue.kill(boot_id)
        self.queue.bury()
        worker = self.queue.worker()
        self.queue.wake_due()
        while (claim := self.queue.claim(worker)) is not None:
            assert self.queue.finish(claim) is not None
        assert all(self.queue.read(asked).state in ENDED for asked in self.taken)
        self.queue.check()

    def some(self, which: int) -> Claim:
        """One of the claims that were ever made, most often a late one."""
        return self.claims[-1 - which % len(self.claims)]

    def counts(self, claim: Claim) -> bool:
        """Whether this claim is still the job's."""
        return self.valid.get(claim.id) == claim

    def over(self, claim: Claim) -> None:
        """Note that a claim doesn't count any more."""
        del self.valid[claim.id]


def test_any_history(database_url: str) -> None:
    """Random histories, with everybody's late answers."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        # The histories are about values; that a commit lasts is shown elsewhere.
        connection.execute("SET synchronous_commit = off")
        History.queue = Queue(connection)
        run_state_machine_as_test(
            History,
            settings=settings(
                max_examples=60,
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
