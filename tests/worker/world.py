"""A worker on PostgreSQL, with a store in memory and engines that do as they are told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import attrs
import psycopg
import trio

from relayd import config
from relayd.ledger import boots
from relayd.ledger.audit import audit
from relayd.ledger.outcomes import label
from relayd.transcriptions.outcomes import (
    Filters,
    Shown,
    Standing,
    Submission,
    Submitted,
    Transcription,
)
from relayd.transcriptions.service import Transcriptions
from relayd.worker.performing import Workplace
from relayd.worker.transcribing import Studio
from relayd.worker.worker import Worker, manner_of
from tests.fakes.files import Engines, ScriptedDecoder, ScriptedEngine, recording
from tests.fakes.storage import MemoryStore
from tests.ledger.store import Store

__all__ = ["World"]

# The longest that any test waits for what should be a moment.
PATIENCE_SECONDS = 20


@attrs.define(eq=False)
class World:
    """One database, one store, any number of workers.

    ``database`` is a pool, or what stands before one.
    """

    database: Any
    store: MemoryStore
    settings: config.Batch = attrs.field(factory=lambda: config.Batch(retry_seconds=0.1))
    engines: list[ScriptedEngine] = attrs.field(factory=lambda: [ScriptedEngine()])
    decoder: ScriptedDecoder = attrs.field(factory=ScriptedDecoder)

    @classmethod
    def on(cls, database: Any, scratch: Path, **given: Any) -> "World":
        """A world on this database."""
        return cls(database, MemoryStore(scratch), **given)

    @property
    def done(self) -> Filters:
        """Those that are done."""
        return Filters(shown=Shown.COMPLETED)

    @property
    def service(self) -> Transcriptions:
        """What users hand recordings to."""
        return Transcriptions(self.database, self.settings)

    async def user(self, balance_ms: int = 1_000_000) -> UUID:
        """A user with so much credit."""
        user_id: UUID = (await self.act("add_user", balance_ms)).user_id
        return user_id

    async def act(self, name: str, *arguments: Any) -> Any:
        """Call a method of `Store`."""

        def call() -> Any:
            with psycopg.connect(self.database.conninfo, autocommit=True) as connection:
                return getattr(Store(connection), name)(*arguments)

        return await trio.to_thread.run_sync(call)

    async def submit(
        self,
        user_id: UUID,
        duration_ms: int = 10_000,
        model: str = "any",
        *,
        test: bool = False,
        **options: Any,
    ) -> Transcription:
        """Hand a recording in that is taken."""
        key = f"audio/{uuid4()}"
        await self.store.put(key, recording(duration_ms))
        asked = Submission(uuid4(), user_id, model, key, duration_ms, options=options, test=test)
        answer = await self.service.submit(asked)
        assert isinstance(answer, Submitted), answer
        return answer.standing.transcription

    @asynccontextmanager
    async def working(self, slots: int = 1, drain_seconds: float = 5) -> AsyncIterator[Worker]:
        """A worker, stopped in order at the end."""
        boot_id, stop = uuid4(), trio.Event()
        await self.database.transact(boots.register, boot_id, "test")
        worker = self.worker(boot_id, slots, drain_seconds)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(worker.run, stop)
            yield worker
            stop.set()
        await self.database.transact(boots.end, boot_id)

    def worker(self, boot_id: UUID, slots: int = 1, drain_seconds: float = 5) -> Worker:
        """A worker of this boot."""
        free = trio.Semaphore(slots, max_value=slots)
        studio = Studio(self.store, self.decoder, free, self.store.scratch / "work")
        place = Workplace(
            self.database,
            self.store,
            studio,
            Engines(self.engines),
            manner_of(self.settings),
            self.settings.keep_audio,
        )
        return Worker(self.database, self.database.conninfo, boot_id, place, free, drain_seconds)

    async def look(self, asked: Transcription) -> Standing:
        """How it stands."""
        standing = await self.service.look(asked.user_id, asked.id, test=asked.test)
        assert standing is not None
        return standing

    async def until(self, asked: Transcription, *states: str) -> Transcription:
        """Wait until it is in one of these states."""
        with trio.fail_after(PATIENCE_SECONDS):
            while True:
                found = (await self.look(asked)).transcription
                if found.state.value in states:
                    return found
                await trio.sleep(0.01)

    async def discarded(self) -> set[str]:
        """Objects that are to be removed."""
        rows = await self.database.transact(
            lambda connection: connection.execute("SELECT key FROM discarded_objects").fetchall()
        )
        return {row[0] for row in rows}

    async def check(self) -> None:
        """The books balance, and nothing that is in use is left behind on the disk."""
        assert not [label(one) for one in await self.database.transact(audit)]
        work = self.store.scratch / "work"
        assert not work.exists() or not list(work.iterdir())
