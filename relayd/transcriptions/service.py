"""What the rest of the program does with recordings: hand in, look, cancel, delete.

A recording goes through these calls in this order:

    begin        where its upload takes a while: a row, so that it can be looked at and given up
    measuring    it is all there; its packets are being counted
    submit       it is in the store and measured: a place in the queue and a hold, or a `Declined`
    refuse       … or it turned out to be no recording
    look         state, place, times, progress; `result` names the document once it is done

`submit` alone is enough for what was uploaded and measured in one request.
"""

from collections.abc import Callable
from typing import Protocol
from uuid import UUID

import attrs

from relayd import config
from relayd.database.ports import Connection, Database
from relayd.jobs.costs import rate_of
from relayd.jobs.ending import JobEnding
from relayd.jobs.lanes import Terms
from relayd.transcriptions import ending, listing, records, submitting
from relayd.transcriptions.estimates import standing
from relayd.transcriptions.outcomes import (
    Declined,
    Filters,
    Page,
    QueueStats,
    Standing,
    Submission,
    Submitted,
    Transcription,
    UserStats,
)
from relayd.transcriptions.submitting import TRIAL, Quote

__all__ = ["Transcriptions", "terms_of"]

# While its packets are counted: the child that does it is bounded well below this.
MEASURING_SECONDS = 3600


def terms_of(settings: config.Batch) -> Terms:
    """What every user may have in the queue, as configured."""
    return Terms(
        priority=0,
        running_max=settings.running_per_user,
        queued_max=settings.queued_per_user,
        audio_ms_max=settings.audio_minutes_max * 60_000,
    )


class PlanTerms(Protocol):
    """What a user may have in the queue, by their plan; a step of the caller's transaction."""

    def __call__(self, connection: Connection, user_id: UUID, *, test: bool) -> Terms:
        """``test``: for a recording that only pretends."""


@attrs.frozen
class Transcriptions:
    """Every call is one transaction and raises `DatabaseUnavailable`.

    A user sees their own recordings alone: another's is None, as one that isn't there. So are
    those of test keys, but for ``test``, and then all others.
    """

    database: Database
    settings: config.Batch
    # What a second of audio costs with a model, in thousandths of a second of credit.
    rate_of: Callable[[str], int] = rate_of
    # What test keys may have in the queue.
    trial: Terms = TRIAL
    # None: what is configured for everybody.
    plan_terms: PlanTerms | None = None

    async def measuring(self, upload_id: UUID) -> Transcription | None:
        """Say that an upload is complete and is being measured; None where it is over."""
        return await self.database.transact(submitting.measuring, upload_id, MEASURING_SECONDS)

    async def refuse(
        self, user_id: UUID, upload_id: UUID, reason: str, problem: str
    ) -> Transcription | None:
        """End an upload as failed, with a code and a sentence; it costs nothing.

        None where it is over.
        """
        failed = JobEnding("failed", reason=reason, problem=problem)
        return await self.database.transact(
            ending.refuse_upload, user_id, upload_id, failed, self.settings.result_days
        )

    async def submit(
        self, submission: Submission, terms: Terms | None = None
    ) -> Submitted | Declined:
        """Queue a recording and set aside what it costs, both or nothing.

        The same idempotency key with the same fingerprint is the same recording, also at the same
        moment; with another one it is refused. ``terms``: by default those of the user's plan, or
        what is configured.
        """
        rate = self.rate_of(submission.model)

        def submit(connection: Connection) -> Submitted | Declined:
            found = terms or self._terms(connection, submission)
            offer = Quote(found, rate, self.settings.aging_seconds, self.trial)
            answer = submitting.submit(connection, submission, offer)
            if isinstance(answer, Declined):
                return answer
            transcription, repeated = answer
            return Submitted(standing(connection, transcription), repeated)

        return await self.database.transact(submit)

    async def repeated(self, submission: Submission) -> Submitted | Declined | None:
        """What the same request came to when it came before; None: it didn't.

        Its place in the store and its length need not be known.
        """

        def look(connection: Connection) -> Submitted | Declined | None:
            before = submitting.known(connection, submission)
            if before is None or isinstance(before, Declined):
                return before
            transcription, repeated = before
            return Submitted(standing(connection, transcription), repeated)

        return await self.database.transact(look)

    async def look(
        self, user_id: UUID, transcription_id: UUID, *, test: bool = False
    ) -> Standing | None:
        """How a recording stands; its ``shown`` is None where it was deleted."""

        def look(connection: Connection) -> Standing | None:
            found = records.read(connection, user_id, transcription_id, test=test)
            return None if found is None else standing(connection, found)

        return await self.database.transact(look)

    async def page(
        self,
        user_id: UUID,
        filters: Filters,
        before: int | None = None,
        most: int = 50,
        *,
        test: bool = False,
    ) -> Page:
        """Their recordings, newest first; ``before`` is the `next_number` of the page before."""
        return await self.database.transact(listing.page, user_id, filters, before, most, test=test)

    async def cancel(
        self, user_id: UUID, transcription_id: UUID, *, test: bool = False
    ) -> Transcription | None:
        """End it: what waits costs nothing, what runs costs what was transcribed.

        What has ended stays as it is. None where there is none.
        """
        return await self.database.transact(
            ending.cancel, user_id, transcription_id, self.settings.result_days, test=test
        )

    async def delete(
        self, user_id: UUID, transcription_id: UUID, *, test: bool = False
    ) -> Transcription | None:
        """Take audio and words away, cancelling first; None where there is none."""
        return await self.database.transact(
            ending.delete, user_id, transcription_id, self.settings.result_days, test=test
        )

    async def user_stats(self, user_id: UUID, *, test: bool = False) -> UserStats:
        """What a user has in the queue, and had lately."""
        return await self.database.transact(listing.user_stats, user_id, test=test)

    async def queue_stats(self) -> QueueStats:
        """The whole queue, for the operator."""
        return await self.database.transact(listing.queue_stats)

    def _terms(self, connection: Connection, submission: Submission) -> Terms:
        if self.plan_terms is None:
            return terms_of(self.settings)
        return self.plan_terms(connection, submission.user_id, test=submission.test)
