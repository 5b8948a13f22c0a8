"""One claimed job, from its claim to its end, whatever happens meanwhile.

    perform
    ├─ working ─┬─ watch        progress to the database; orders from it: cancelled, lost, frozen
    │           └─ transcribe   the engines that can, in their order
    └─ finish, fail or give back: repeated until the database takes it

Nothing of ours counts as an attempt: a store, a database or an engine that is away, a worker that
is stopped. The database may be away for as long as it likes: the work goes on, and its end is
written when it is back, unless another worker has the job by then.
"""

import datetime as dt
import enum
from collections.abc import Iterator
from typing import Final, TypeAlias

import attrs
import trio

from relayd import logs
from relayd.background import is_outage
from relayd.database.ports import Database
from relayd.errors import (
    DatabaseUnavailable,
    FileEngineError,
    ObjectMissing,
    StorageUnavailable,
    Unreadable,
)
from relayd.jobs import claiming, returning, standings
from relayd.jobs.claiming import Claim, Orders
from relayd.jobs.ending import EndedJob, JobEnding, finish
from relayd.jobs.returning import Manner
from relayd.speech.catalogue import Candidate, Catalogue
from relayd.speech.fallback import NobodyUntil, choose, weigh
from relayd.speech.plan import ConfigRefusal
from relayd.storage.ports import Store
from relayd.transcriptions import results
from relayd.worker.transcribing import Studio, Transcribed, request_of

__all__ = ["Performance", "Workplace"]

log = logs.get(__name__)

# How often a worker tells how far it is, and asks whether to go on.
WATCH_SECONDS: Final = 2.0
# Between attempts to write an end while the database is away, doubled up to the longest.
AGAIN_SECONDS: Final = 0.5
AGAIN_SECONDS_MAX: Final = 5.0
# Before a job is tried again whose recording can't be read, or result not be kept, just now.
STORE_AGAIN_SECONDS: Final = 15.0


@attrs.frozen
class Workplace:
    """What every job of a worker is performed with."""

    database: Database
    store: Store
    studio: Studio
    catalogue: Catalogue
    manner: Manner
    keeps_audio: bool = False


@attrs.frozen
class _Failure:
    """An attempt that counts; ``final``: another one would fail alike."""

    reason: str
    problem: str
    final: bool = False


@attrs.frozen
class _Return:
    """The job goes back into the queue, uncounted, to be claimed after a pause."""

    pause_seconds: float = 0


_End: TypeAlias = JobEnding | _Failure | _Return


class _Stop(enum.Enum):
    """Why the work on a job ended before its time."""

    CANCELLED = "its owner gave it up"
    LOST = "another worker has it"
    FROZEN = "a payment of its owner is disputed"
    DRAINING = "this worker ends"


@attrs.define(eq=False)
class Performance:
    """The work on one claim. `perform` returns when nothing of it is left to do."""

    claim: Claim
    place: Workplace
    done_ms: int = 0
    _stopped: _Stop | None = None
    _working: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    _look: trio.Event = attrs.field(factory=trio.Event)

    async def perform(self) -> None:
        """Transcribe, and write how it ended."""
        end = await self._work()
        if end is None and self._stopped is not None:
            end = self._end_of_stopped(self._stopped)
        if end is not None:
            await self._write(end)

    def give_back(self) -> None:
        """Stop working on it: this worker ends."""
        self._stop(_Stop.DRAINING)

    def look(self) -> None:
        """Ask at once whether to go on."""
        self._look.set()

    async def _work(self) -> _End | None:
        """Do it; None where it was stopped before its time."""
        end: _End | None = None
        try:
            with self._working:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._watch)
                    end = await self._transcribe()
                    nursery.cancel_scope.cancel()
        except Exception as error:  # noqa: BLE001 - one job's fault must not end the worker
            end = self._end_of_fault(error)
        return end

    async def _transcribe(self) -> _End:
        """Let engines try, in their order, until one has answered for good."""
        claim = self.claim
        while True:
            asked = request_of(claim.model, claim.options)
            candidates = self.place.catalogue.candidates(claim.model, asked, test=claim.test)
            if isinstance(candidates, ConfigRefusal):
                return _Failure("not_offered", candidates.message, final=True)
            # After each failed attempt the next one is the first.
            first = claim.failures % len(candidates)
            candidates = [*candidates[first:], *candidates[:first]]
            now = dt.datetime.now(dt.UTC)
            known = await self.place.database.transact(standings.read)
            choice = choose([one.engine.name for one in candidates], known, now)
            if isinstance(choice, NobodyUntil):
                return _Return(max((choice.until - now).total_seconds(), 1.0))
            candidate = next(one for one in candidates if one.engine.name == choice.engine)
            try:
                transcript = await self.place.studio.transcribe(claim, candidate, self._tell)
            except (FileEngineError, Unreadable) as error:
                end = await self._weigh(candidate, error)
                if end is not None:
                    return end
            else:
                return await self._keep(transcript)

    async def _weigh(
        self, candidate: Candidate, error: FileEngineError | Unreadable
    ) -> _Failure | None:
        """What an engine's failure comes to; None: the next engine is to try."""
        consequence = weigh(error, dt.datetime.now(dt.UTC))
        if isinstance(error, Unreadable):
            return _Failure(error.code, error.message, consequence.final)
        name = candidate.engine.name
        if consequence.standing is not None:
            # One that refuses us altogether is for a person to look at.
            tell = log.error if consequence.standing.off else log.warning
            tell("engine left alone", engine=name, problem=str(error))
            await self.place.database.transact(standings.record, name, consequence.standing)
            return None
        log.warning("engine failed", engine=name, job=self.claim.id, problem=str(error))
        problem = "The speech engine failed on this recording."
        return _Failure("engine_failed", problem, consequence.final)

    async def _keep(self, transcript: Transcribed) -> JobEnding:
        """Put the document where only this attempt puts one."""
        key = results.key(self.claim.id, self.claim.fence.attempt)
        await self.place.store.put(key, results.encode(transcript.document))
        return JobEnding(
            "done",
            decoded_ms=transcript.decoded_ms,
            engine=transcript.document.engine,
            result=key,
            keeps_audio=self.place.keeps_audio,
        )

    async def _watch(self) -> None:
        """Tell how far it is and hear whether to go on, now and then and when somebody says so."""
        while True:
            with trio.move_on_after(WATCH_SECONDS):
                await self._look.wait()
            self._look = trio.Event()
            try:
                orders = await self.place.database.transact(
                    claiming.progress, self.claim.id, self.claim.fence, self.done_ms
                )
            except DatabaseUnavailable:
                # The work goes on; whose the job is by then is asked when it is back.
                continue
            self._obey(orders)

    def _obey(self, orders: Orders) -> None:
        if orders.lost:
            self._stop(_Stop.LOST)
        elif orders.cancelled:
            self._stop(_Stop.CANCELLED)
        elif orders.frozen:
            self._stop(_Stop.FROZEN)

    def _stop(self, why: _Stop) -> None:
        if self._stopped is None:
            self._stopped = why
        self._working.cancel()

    def _tell(self, done_ms: int) -> None:
        self.done_ms = max(self.done_ms, done_ms)

    def _end_of_stopped(self, why: _Stop) -> _End | None:
        log.info("job stopped", job=self.claim.id, reason=why.value, done_ms=self.done_ms)
        match why:
            case _Stop.CANCELLED:
                return JobEnding("cancelled", decoded_ms=self.done_ms)
            case _Stop.LOST:
                return None
            case _Stop.FROZEN:
                problem = "A payment of this account is disputed; what was transcribed is charged."
                return JobEnding("failed", self.done_ms, reason="credit_frozen", problem=problem)
            case _Stop.DRAINING:
                return _Return()

    def _end_of_fault(self, error: Exception) -> _End:
        """What something comes to that went wrong and is no engine's answer."""
        leaves = list(_leaves(error))
        facts = {"job": self.claim.id, "problem": str(leaves[0])}
        if any(isinstance(one, ObjectMissing) for one in leaves):
            log.error("recording is not in the store", **facts)
            problem = "The recording is not there any more."
            return _Failure("recording_missing", problem, final=True)
        if any(isinstance(one, StorageUnavailable | DatabaseUnavailable) for one in leaves):
            log.warning("job has to wait", **facts)
            return _Return(STORE_AGAIN_SECONDS)
        if is_outage(error):
            log.warning("attempt failed", **facts)
        else:
            log.fault("attempt failed", error, job=self.claim.id)
        return _Failure("internal_error", "Something went wrong on our side.")

    async def _write(self, end: _End) -> None:
        """Write it, again and again while the database is away."""
        pause_seconds = AGAIN_SECONDS
        while True:
            try:
                return await self._write_once(end)
            except DatabaseUnavailable as error:
                log.warning("end of a job waits", job=self.claim.id, problem=str(error))
            await trio.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, AGAIN_SECONDS_MAX)

    async def _write_once(self, end: _End) -> None:
        claim, manner = self.claim, self.place.manner
        job, transact = (claim.user_id, claim.id), self.place.database.transact
        ended: EndedJob | None = None
        match end:
            case JobEnding():
                ended = await transact(finish, job, claim.fence, end, manner.result_days)
            case _Failure():
                failed = JobEnding("failed", reason=end.reason, problem=end.problem)
                ended = await transact(
                    returning.fail, job, claim.fence, failed, manner, final=end.final
                )
            case _Return():
                await transact(returning.give_back, job, claim.fence, manner, end.pause_seconds)
        if ended is None:
            log.info("job let go", job=claim.id, attempt=claim.fence.attempt)
        else:
            log.info(
                "job ended",
                job=claim.id,
                attempt=claim.fence.attempt,
                state=ended.state,
                charged_ms=ended.charged_ms,
            )


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _leaves(one)
    else:
        yield error
