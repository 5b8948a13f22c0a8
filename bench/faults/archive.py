"""Recordings in a database and a folder, and workers on them as processes."""

import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import attrs
import trio

from bench.books import Books, Customer, open_books
from bench.cluster import Cluster, cluster
from bench.daemon import Sections, configuration, write_configuration
from bench.faults.hand import MODEL, recording
from relayd import config
from relayd.database.ports import Connection
from relayd.jobs import claiming, returning
from relayd.storage.folder import Folder
from relayd.transcriptions.outcomes import Submission, Submitted
from relayd.transcriptions.service import Transcriptions

__all__ = ["Archive", "Hand", "archive"]

_START_SECONDS: Final = 30
_STOP_SECONDS: Final = 30
_POLL_SECONDS: Final = 0.05
_UNDER_WAY: Final = {"queued", "running", "cancelling"}
_WORKING: Final = "relayd worker takes"


@attrs.define(eq=False)
class Hand:
    """A worker's process."""

    process: trio.Process
    log: Path

    async def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        await self.process.wait()

    async def drain(self) -> None:
        """SIGTERM, and its end."""
        self.process.send_signal(signal.SIGTERM)
        with trio.move_on_after(_STOP_SECONDS):
            await self.process.wait()
        await self.kill()

    async def until_working(self) -> None:
        """Wait until it claims."""
        until = trio.current_time() + _START_SECONDS
        while _WORKING not in (text := self.log.read_text()):
            if self.process.poll() is not None or trio.current_time() > until:
                raise RuntimeError(f"the worker did not start:\n{text}")
            await trio.sleep(_POLL_SECONDS)

    @property
    def boot_id(self) -> UUID:
        """Its boot, once it works."""
        return UUID(self.log.read_text().partition(_WORKING)[2].partition("boot ")[2].split()[0])

    def errors(self) -> list[str]:
        """What it logged that a human should look at."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [line for line in lines if " ERROR " in line or line.startswith("Traceback")]


@attrs.define(eq=False)
class Archive:
    """One database and one store, for workers that come and go."""

    cluster: Cluster
    books: Books
    service: Transcriptions
    store: Folder
    directory: Path
    configuration: Path
    hands: list[Hand] = attrs.field(factory=list)
    handed_in: int = 0

    async def hand_in(self, customer: Customer, audio_ms: int, seconds: float) -> None:
        """One more recording of this length, on which a worker sits for so long."""
        key = f"audio/{uuid4()}"
        await self.store.put(key, recording(audio_ms, seconds))
        asked = Submission(uuid4(), customer.user_id, MODEL, key, audio_ms)
        answer = await self.service.submit(asked)
        assert isinstance(answer, Submitted), answer
        self.handed_in += 1

    async def worker(self, slots: int) -> Hand:
        """One more worker, which works."""
        log = self.directory / f"worker-{len(self.hands)}.log"
        with log.open("wb") as file:
            process = await trio.lowlevel.open_process(
                [sys.executable, "-m", "bench.faults.hand", str(self.configuration), str(slots)],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        hand = Hand(process, log)
        self.hands.append(hand)
        await hand.until_working()
        return hand

    async def states(self) -> Counter[str]:
        """How many recordings are in each state."""
        return await self.books.database.transact(_states)

    async def until_over(self, seconds: float) -> bool:
        """Wait until every recording has ended; whether it came to that in time."""
        with trio.move_on_after(seconds):
            # Only the database knows.
            while (await self.states()).keys() & _UNDER_WAY:  # noqa: ASYNC110 - see above
                await trio.sleep(_POLL_SECONDS)
            return True
        return False

    async def owned(self, boot_id: UUID) -> int:
        """How many recordings a boot has."""
        return len(await self.books.database.transact(claiming.owned, boot_id))

    async def charged_wrongly_ms(self) -> int:
        """Milliseconds charged beyond, or below, what is owed: nothing of what failed."""
        return await self.books.database.transact(_charged_wrongly)

    async def attempts_counted(self) -> int:
        """Failures that were counted against recordings."""
        return await self.books.database.transact(_failures)

    async def given_up(self) -> int:
        """How many recordings failed because too many workers died at them."""
        return await self.books.database.transact(_given_up)

    def errors(self) -> list[str]:
        """What any of the workers logged that a human should look at."""
        return [line for hand in self.hands for line in hand.errors()]


@asynccontextmanager
async def archive(changes: Sections) -> AsyncIterator[Archive]:
    """Everything but the workers; those are gone afterwards."""
    async with (
        cluster() as server,
        open_books(await server.create("relayd")) as books,
        _directory() as directory,
    ):
        sections: dict[str, Any] = {"storage": {"directory": str(directory / "files")}, **changes}
        path = write_configuration(directory, configuration(books, "ws://127.0.0.1:1", sections))
        batch = config.Batch(queued_per_user=100_000, running_per_user=1000)
        files = directory / "files"
        store = Folder(files / "objects", files / "spool", trio.CapacityLimiter(4))
        made = Archive(server, books, Transcriptions(books.database, batch), store, directory, path)
        try:
            yield made
        finally:
            with trio.CancelScope(shield=True):  # bounded by SIGKILL
                for hand in made.hands:
                    await hand.kill()


@asynccontextmanager
async def _directory() -> AsyncIterator[Path]:
    with tempfile.TemporaryDirectory(prefix="relayd-bench-") as directory:
        yield Path(directory)


def _states(connection: Connection) -> Counter[str]:
    rows = connection.execute("SELECT state, count(*) FROM transcriptions GROUP BY state")
    return Counter(dict(rows.fetchall()))


def _charged_wrongly(connection: Connection) -> int:
    row = connection.execute(
        """
        SELECT coalesce(sum(abs(
            charged_ms - CASE WHEN state = 'failed' THEN 0 ELSE measured_ms END
        )), 0)::bigint FROM transcriptions
        """
    ).fetchone()
    assert row is not None
    return int(row[0])


def _given_up(connection: Connection) -> int:
    row = connection.execute(
        "SELECT count(*) FROM transcriptions WHERE deaths >= %s AND reason = 'worker_lost'",
        (returning.DEATHS_MAX,),
    ).fetchone()
    assert row is not None
    return int(row[0])


def _failures(connection: Connection) -> int:
    row = connection.execute(
        "SELECT coalesce(sum(failures), 0)::bigint FROM transcriptions"
    ).fetchone()
    assert row is not None
    return int(row[0])
