"""One recording from the store to its document: decoded, cut, transcribed in parts, joined."""

import shutil
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import attrs
import trio

from relayd.errors import FileEngineError, Unreadable
from relayd.jobs.claiming import Claim
from relayd.speech.catalogue import Candidate
from relayd.speech.document import Document
from relayd.speech.files import AudioForm, FileRequest
from relayd.storage.ports import Store
from relayd.storage.spool import private_folder
from relayd.worker.ports import Part, SoundDecoder

__all__ = ["Studio", "Transcribed", "request_of", "sweep"]

# Of the seconds that a recording was measured to have, so that what decodes longer than its
# packets said is noticed and not refused: what is charged is bounded all the same.
LONGER: Final = 2
# Sound that nobody has touched for so long is of a worker that died: the longest recording is
# transcribed in less.
ABANDONED_SECONDS: Final = 86_400


@attrs.frozen
class Transcribed:
    """What came of a recording, and how much sound it had."""

    document: Document
    decoded_ms: int


@attrs.define(eq=False)
class _Meter:
    """How much of a recording's parts is done, told as one figure."""

    tell: Callable[[int], None]
    _done: dict[int, int] = attrs.field(factory=dict)

    def of_part(self, start_ms: int) -> Callable[[int], None]:
        """What a part's engine tells its progress to."""

        def told(done_ms: int) -> None:
            self._done[start_ms] = done_ms
            self.tell(sum(self._done.values()))

        return told


@attrs.frozen
class Studio:
    """Where recordings become documents."""

    store: Store
    decoder: SoundDecoder
    slots: trio.Semaphore
    # For sound on its way to an engine: on a disk, not in memory.
    scratch: Path

    async def transcribe(
        self, claim: Claim, candidate: Candidate, tell: Callable[[int], None]
    ) -> Transcribed:
        """Have one engine transcribe it; ``tell`` hears how many milliseconds are done.

        The caller holds a slot, and further parts take others that are free. Raises
        `StorageUnavailable`, `Unreadable`, `FileEngineError` or another `RelaydError`.
        """
        request = candidate.request
        async with self.store.as_file(claim.source) as path, self._directory() as directory:
            if candidate.engine.form is AudioForm.ORIGINAL:
                document = await candidate.engine.transcribe(path, request, tell)
                return Transcribed(document, document.duration_ms)
            sound = await self.decoder.decode(
                path,
                directory,
                candidate.engine.form,
                part_seconds=candidate.engine.part_seconds_max,
                seconds_max=claim.measured_ms * LONGER // 1000 + 1,
            )
            try:
                documents = await self._transcribe_parts(candidate, request, sound.parts, tell)
            except ExceptionGroup as several:
                raise _first_of(several) from several
            return Transcribed(Document.joined(documents), sound.duration_ms)

    async def _transcribe_parts(
        self,
        candidate: Candidate,
        request: FileRequest,
        parts: Sequence[Part],
        tell: Callable[[int], None],
    ) -> list[tuple[int, Document]]:
        """Each part's beginning and document: one in the caller's slot, others in free ones."""
        meter = _Meter(tell)
        pending = deque(parts)
        documents: list[tuple[int, Document]] = []
        waiting: set[trio.CancelScope] = set()

        async def transcribe_next() -> None:
            part = pending.popleft()
            told = meter.of_part(part.start_ms)
            document = await candidate.engine.transcribe(part.path, request, told)
            documents.append((part.start_ms, document))

        async def in_further_slot() -> None:
            while pending and await _acquired(self.slots, waiting):
                try:
                    if pending:
                        await transcribe_next()
                finally:
                    self.slots.release()

        async with trio.open_nursery() as nursery:
            assert self.slots.max_value is not None
            for _ in range(min(len(pending), self.slots.max_value) - 1):
                nursery.start_soon(in_further_slot)
            while pending:
                await transcribe_next()
            # Whoever still waits for a slot has nothing to do in it.
            for scope in tuple(waiting):
                scope.cancel()
        return documents

    @asynccontextmanager
    async def _directory(self) -> AsyncIterator[Path]:
        """An empty directory, gone with all that is in it when left."""

        def make() -> Path:
            private_folder(self.scratch)
            return Path(tempfile.mkdtemp(dir=self.scratch))

        path = await trio.to_thread.run_sync(make)
        try:
            yield path
        finally:
            # Bounded: some files on a local disk.
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(shutil.rmtree, path, True)


def request_of(model: str, options: Mapping[str, Any]) -> FileRequest:
    """What engines are asked; options that they know nothing of are somebody else's."""
    known = {one.name for one in attrs.fields(FileRequest)} - {"model"}
    return FileRequest(model, **{name: options[name] for name in known & options.keys()})


def sweep(scratch: Path) -> None:
    """Remove the sound that workers left that died."""
    if not scratch.is_dir():
        return
    for directory in scratch.iterdir():
        # Another worker's may go meanwhile.
        with suppress(FileNotFoundError):
            if directory.stat().st_mtime < time.time() - ABANDONED_SECONDS:
                shutil.rmtree(directory, ignore_errors=True)


def _first_of(several: ExceptionGroup[Exception]) -> Exception:
    """What an engine said of one part, where nothing else went wrong."""
    answers, others = several.split((FileEngineError, Unreadable))
    if others is not None or answers is None:
        return several
    first = answers.exceptions[0]
    return _first_of(first) if isinstance(first, ExceptionGroup) else first


async def _acquired(slots: trio.Semaphore, waiting: set[trio.CancelScope]) -> bool:
    """Wait for a slot; False where the scope that stands in ``waiting`` meanwhile is cancelled."""
    with trio.CancelScope() as scope:
        waiting.add(scope)
        try:
            await slots.acquire()
        finally:
            waiting.discard(scope)
    return not scope.cancelled_caught
