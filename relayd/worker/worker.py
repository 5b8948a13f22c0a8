"""A worker: as many jobs at once as it has slots, claimed from the database as they come.

A slot is taken first and a job is claimed for it, so that nothing is claimed that would have to
wait here. The parts of a long recording wait for slots in the same line as new jobs do: neither
keeps the other from its turn. Without anything to do a worker sleeps until the database tells of
work, and looks by itself now and then, since what is told may be missed.
"""

from contextlib import suppress
from functools import partial
from typing import Final
from uuid import UUID

import attrs
import trio

from relayd import config, logs
from relayd.background import Faults, keep
from relayd.database.ports import Database
from relayd.events.listener import listen
from relayd.jobs import claiming, returning, roster
from relayd.jobs.claiming import Claim
from relayd.jobs.returning import Manner
from relayd.worker.performing import Performance, Workplace

__all__ = ["Worker", "manner_of"]

log = logs.get(__name__)

# Channels: that something may be claimed, and the id of a job that somebody wants something of.
JOBS: Final = "relayd_jobs"
CANCELLED: Final = "relayd_cancelled"
# An idle worker looks for work that nobody told it of.
POLL_SECONDS: Final = 5.0
# Between two looks for jobs whose pause is over, and whose worker died, while there can be any.
DUE_SECONDS: Final = 0.5
# To write that a job is given back.
GIVE_BACK_SECONDS: Final = 5.0
# Between attempts to claim while the database is away.
AGAIN_SECONDS: Final = 1.0


def manner_of(settings: config.Batch) -> Manner:
    """How patient the queue is, as configured."""
    return Manner(
        attempts=settings.attempts,
        retry_seconds=settings.retry_seconds,
        aging_seconds=settings.aging_seconds,
        result_days=settings.result_days,
    )


@attrs.define(eq=False)
class Worker:
    """One boot's jobs. ``slots`` is shared with the studio, whose parts take some of them."""

    database: Database
    conninfo: str
    boot_id: UUID
    place: Workplace
    slots: trio.Semaphore
    drain_seconds: float
    _running: dict[UUID, Performance] = attrs.field(factory=dict)
    _work: trio.Event = attrs.field(factory=trio.Event)
    # The queue isn't calm any more.
    _stirred: trio.Event = attrs.field(factory=trio.Event)
    # The last claim wasn't answered: it may have been made all the same.
    _in_doubt: bool = False
    # All jobs; cancelled where the drain is over and something can't even be given back.
    _working: trio.CancelScope = attrs.field(factory=trio.CancelScope)

    async def run(self, stop: trio.Event) -> None:
        """Work until ``stop`` is set, and then until what runs is done or given back.

        The boot is registered and beats, and is ended by the caller afterwards.
        """
        assert self.slots.max_value is not None
        await self.database.transact(roster.enlist, self.boot_id, self.slots.max_value)
        async with trio.open_nursery() as beside:
            beside.start_soon(listen, self.conninfo, WorkerEars(self))
            beside.start_soon(self._keep_due)
            with self._working:
                async with trio.open_nursery() as jobs:
                    async with trio.open_nursery() as claiming_nursery:
                        claiming_nursery.start_soon(self._claim_on, jobs)
                        await stop.wait()
                        claiming_nursery.cancel_scope.cancel()
                    log.info("worker drains", jobs=len(self._running))
                    beside.start_soon(self._give_back_late)
            beside.cancel_scope.cancel()

    def wake(self) -> None:
        """Say that there may be something to claim."""
        self._work.set()
        self._stirred.set()

    def look(self, job_id: UUID) -> None:
        """Say that somebody wants something of a job."""
        if job_id in self._running:
            self._running[job_id].look()

    async def _claim_on(self, jobs: trio.Nursery) -> None:
        claim_one = partial(self._claim_one, jobs)
        await keep("claiming jobs", claim_one, again_seconds=AGAIN_SECONDS, again_seconds_max=5)

    async def _claim_one(self, jobs: trio.Nursery) -> None:
        """Take a slot, and a job for it; wait for work where there is none."""
        await self.slots.acquire()
        claim = None
        try:
            if self._in_doubt:
                await self._let_go_of_strays()
            self._work = trio.Event()
            claim = await self._claim()
        finally:
            if claim is None:
                self.slots.release()
        if claim is None:
            with trio.move_on_after(POLL_SECONDS):
                await self._work.wait()
        else:
            # No checkpoint since the claim: a job that is claimed is worked on.
            performance = Performance(claim, self.place)
            self._running[claim.id] = performance
            jobs.start_soon(self._perform, performance)

    async def _claim(self) -> Claim | None:
        self._in_doubt = True
        claim = await self.database.transact(
            claiming.claim, self.boot_id, self.place.manner.aging_seconds
        )
        self._in_doubt = False
        return claim

    async def _let_go_of_strays(self) -> None:
        """Give back what we claimed without being told: nobody else would while we live."""
        for job, fence in await self.database.transact(claiming.owned, self.boot_id):
            if job[1] not in self._running:
                log.warning("job claimed unawares is given back", job=job[1])
                await self.database.transact(returning.give_back, job, fence, self.place.manner)
        self._in_doubt = False

    async def _perform(self, performance: Performance) -> None:
        claim = performance.claim
        log.info("job claimed", job=claim.id, attempt=claim.fence.attempt, failures=claim.failures)
        try:
            await performance.perform()
        finally:
            del self._running[claim.id]
            self.slots.release()

    async def _give_back_late(self) -> None:
        """Give back what isn't done within the drain.

        What can't be written even then, because the database is away, is found by others as what a
        dead worker left.
        """
        await trio.sleep(self.drain_seconds)
        for performance in self._running.values():
            performance.give_back()
        await trio.sleep(GIVE_BACK_SECONDS)
        self._working.cancel()

    async def _keep_due(self) -> None:
        """Queue again what dead workers left, and wake what has waited long enough."""
        faults: Faults[tuple[UUID, UUID]] = Faults("job of a dead worker can't be queued again")

        async def look() -> None:
            self._stirred = trio.Event()
            found = await self.database.transact(returning.look, self.place.manner.aging_seconds)
            for job in faults.due(found.left):
                _, job_id = job
                with faults.guard(job, job=job_id):
                    if await self.database.transact(returning.bury, job, self.place.manner):
                        log.warning("job of a dead worker queued again", job=job_id)
            if found.calm:
                # Of what is handed in next, every worker is told.
                with trio.move_on_after(POLL_SECONDS):
                    await self._stirred.wait()
            await trio.sleep(DUE_SECONDS)

        await keep("queueing jobs again", look)


@attrs.frozen
class WorkerEars:
    """What a worker hears from the database."""

    worker: Worker
    channels: tuple[str, ...] = (JOBS, CANCELLED)

    def begin(self) -> None:
        """From now on it is told; before, something may have happened."""
        self.worker.wake()

    def end(self) -> None:
        """It is told nothing any more, and looks by itself."""

    def hear(self, channel: str, text: str) -> None:
        """There is work, or somebody wants something of a job."""
        if channel == JOBS:
            self.worker.wake()
        else:
            with suppress(ValueError):
                self.worker.look(UUID(text))
