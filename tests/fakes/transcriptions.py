"""The queue of recordings in memory: what a test needs of it, with the service's own values."""

import datetime as dt
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import attrs
import trio

from relayd.errors import DatabaseUnavailable
from relayd.intake.asked import Asked
from relayd.transcriptions.outcomes import (
    Declined,
    DeclinedReason,
    Filters,
    Page,
    QueueStats,
    Standing,
    State,
    Submission,
    Submitted,
    Transcription,
    UserStats,
)

__all__ = ["MemoryRecordings", "Ruler"]

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


@attrs.frozen
class Length:
    """What was measured."""

    duration_ms: int


@attrs.define(eq=False)
class Ruler:
    """Measures every file alike, or says what is wrong with it."""

    duration_ms: int = 61_500
    fault: Exception | None = None

    async def measure(self, path: Path, seconds_max: int | None = None) -> Length:
        """See `relayd.intake.intake.Measurer`."""
        await trio.lowlevel.checkpoint()
        assert await trio.Path(path).exists()
        if self.fault is not None:
            raise self.fault
        return Length(self.duration_ms)


@attrs.define(eq=False)
class MemoryRecordings:
    """Implements what the routes and the intake need of `Transcriptions`."""

    rows: dict[UUID, Transcription] = attrs.field(factory=dict)
    # The next submission's answer, where it is not taken.
    refusal: Declined | None = None
    reachable: bool = True
    # What was to be fetched.
    urls: list[str] = attrs.field(factory=list)
    _keys: dict[tuple[UUID, str], tuple[bytes | None, UUID]] = attrs.field(factory=dict)

    async def submit(self, submission: Submission) -> Submitted | Declined:
        """Queue it, once for each key."""
        await self._reach()
        if self.refusal is not None:
            return self.refusal
        before = await self.repeated(submission)
        if before is not None:
            return before
        for name in (submission.idempotency_key, str(submission.id)):
            if name is not None:
                self._keys[submission.user_id, name] = (submission.fingerprint, submission.id)
        self.rows[submission.id] = self._queued(submission)
        return Submitted(self._standing(self.rows[submission.id]))

    async def repeated(self, submission: Submission) -> Submitted | Declined | None:
        """What came of the same key, or id."""
        await self._reach()
        for name in (submission.idempotency_key, str(submission.id)):
            if (submission.user_id, name or "") in self._keys:
                fingerprint, known = self._keys[submission.user_id, name or ""]
                if fingerprint != submission.fingerprint:
                    return Declined(DeclinedReason.KEY_TAKEN)
                return Submitted(self._standing(self.rows[known]), repeated=True)
        return None

    async def begin(self, user_id: UUID, asked: Asked, url: str) -> Standing | Declined:
        """Record one that is to be fetched."""
        await self._reach()
        if self.refusal is not None:
            return self.refusal
        self.urls.append(url)
        made = Submission(uuid4(), user_id, asked.model, "", 0, asked.name, asked.options)
        made = attrs.evolve(made, test=asked.test)
        one = attrs.evolve(self._queued(made), state=State.UPLOADING, measured_ms=None)
        self.rows[one.id] = one
        return Standing(one)

    async def look(
        self, user_id: UUID, transcription_id: UUID, *, test: bool = False
    ) -> Standing | None:
        """One's own."""
        await self._reach()
        found = self._own(user_id, transcription_id, test)
        return None if found is None else self._standing(found)

    async def page(
        self,
        user_id: UUID,
        filters: Filters,
        before: int | None = None,
        most: int = 50,
        *,
        test: bool = False,
    ) -> Page:
        """Newest first."""
        await self._reach()
        found = [
            one
            for one in reversed(self.rows.values())
            if one.user_id == user_id
            and one.test == test
            and one.shown is not None
            and (before is None or one.number < before)
            and filters.shown in {None, one.shown}
            and filters.model in {None, one.model}
            and (filters.since is None or one.created_at >= filters.since)
            and (filters.until is None or one.created_at < filters.until)
        ]
        return Page(tuple(found[:most]), found[most - 1].number if len(found) > most else None)

    async def cancel(
        self, user_id: UUID, transcription_id: UUID, *, test: bool = False
    ) -> Transcription | None:
        """What waits ends at once."""
        await self._reach()
        found = self._own(user_id, transcription_id, test)
        if found is not None and found.ended_at is None:
            self.change(found.id, state=State.CANCELLED, ended_at=NOW, charged_ms=0)
        return self._own(user_id, transcription_id, test)

    async def delete(
        self, user_id: UUID, transcription_id: UUID, *, test: bool = False
    ) -> Transcription | None:
        """Gone at once."""
        await self.cancel(user_id, transcription_id, test=test)
        found = self._own(user_id, transcription_id, test)
        if found is not None:
            self.change(found.id, state=State.DELETED, source=None, result=None)
        return self._own(user_id, transcription_id, test)

    async def user_stats(self, user_id: UUID, *, test: bool = False) -> UserStats:
        """Counted."""
        await self._reach()
        own = [one for one in self.rows.values() if one.user_id == user_id and one.test == test]
        states = [one.state for one in own]
        return UserStats(
            states.count(State.QUEUED),
            states.count(State.RUNNING),
            states.count(State.DONE),
            states.count(State.FAILED),
            sum(one.decoded_ms or 0 for one in own),
            sum(one.charged_ms or 0 for one in own),
        )

    async def queue_stats(self) -> QueueStats:
        """Counted; nobody works on it."""
        await self._reach()
        waiting = [one for one in self.rows.values() if one.state is State.QUEUED]
        return QueueStats(
            len({one.user_id for one in waiting}),
            len(waiting),
            sum(one.measured_ms or 0 for one in waiting),
            0,
            sum(one.state is State.RUNNING for one in self.rows.values()),
            2.5 if waiting else 0,
            0,
            0,
        )

    def change(self, transcription_id: UUID, **changes: Any) -> None:
        """As a worker would."""
        self.rows[transcription_id] = attrs.evolve(self.rows[transcription_id], **changes)

    def finish(self, transcription_id: UUID, result: str) -> None:
        """Its words are in the store under this key."""
        one = self.rows[transcription_id]
        self.change(
            transcription_id,
            state=State.DONE,
            result=result,
            done_ms=one.measured_ms,
            decoded_ms=one.measured_ms,
            charged_ms=one.hold_ms,
            started_at=NOW,
            ended_at=NOW,
            expires_at=NOW + dt.timedelta(days=30),
        )

    def _own(self, user_id: UUID, transcription_id: UUID, test: bool) -> Transcription | None:
        found = self.rows.get(transcription_id)
        own = found is not None and (found.user_id, found.test) == (user_id, test)
        return found if own else None

    def _standing(self, one: Transcription) -> Standing:
        if one.state is not State.QUEUED:
            return Standing(one)
        waiting = [other.id for other in self.rows.values() if other.state is State.QUEUED]
        return Standing(one, waiting.index(one.id) + 1, 0.0, 7.25)

    def _queued(self, asked: Submission) -> Transcription:
        hold_ms = 0 if asked.test else -(-asked.measured_ms // 1000) * 1000
        return Transcription(
            id=asked.id,
            number=len(self.rows) + 1,
            user_id=asked.user_id,
            state=State.QUEUED,
            name=asked.name,
            model=asked.model,
            options=asked.options,
            metadata=asked.metadata,
            source=asked.source,
            measured_ms=asked.measured_ms,
            rate_per_mille=1000,
            hold_ms=hold_ms,
            done_ms=0,
            engine=None,
            result=None,
            decoded_ms=None,
            charged_ms=None,
            reason=None,
            problem=None,
            created_at=NOW,
            queued_at=NOW,
            started_at=None,
            ended_at=None,
            expires_at=None,
            doomed=False,
            test=asked.test,
        )

    async def _reach(self) -> None:
        await trio.lowlevel.checkpoint()
        if not self.reachable:
            raise DatabaseUnavailable("no database")
