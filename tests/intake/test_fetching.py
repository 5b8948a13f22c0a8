"""Recordings that are fetched from a URL, on PostgreSQL and an internet in memory."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import attrs
import psycopg
import pytest
import trio

from relayd import config
from relayd.database.pool import Pool
from relayd.errors import MediaFailed, Unreadable
from relayd.intake import fetches
from relayd.intake.asked import Asked, Format
from relayd.intake.fetching import Fetcher, name_of
from relayd.intake.intake import Intake
from relayd.storage.spool import Spool
from relayd.transcriptions.outcomes import (
    Declined,
    DeclinedReason,
    Standing,
    State,
    Transcription,
)
from relayd.transcriptions.service import Transcriptions
from tests.fakes.storage import MemoryStore
from tests.fakes.transcriptions import Ruler
from tests.jobs.queueing import Queue
from tests.outbound.internet import Internet

URL = "http://example.com/talks/talk%207.mp3?x=1"
SOUND = b"sound" * 1000
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + SOUND


@attrs.define(eq=False)
class Depot:
    """A user, the internet, and what fetches from it."""

    queue: Queue
    user_id: UUID
    fetcher: Fetcher
    internet: Internet
    store: MemoryStore
    ruler: Ruler
    spool: Path

    async def begin(self, asked: Asked | None = None, url: str = URL) -> Transcription:
        """Hand a URL in that is taken."""
        answer = await self.fetcher.begin(self.user_id, asked or Asked("any"), url)
        assert isinstance(answer, Standing)
        return answer.transcription

    async def work(self) -> int:
        """Fetch what is due; how much that was."""
        count = 0
        while (fetch := await self.fetcher.database.transact(fetches.claim)) is not None:
            await self.fetcher.fetch(fetch)
            count += 1
        assert not self.spool.exists() or not list(self.spool.iterdir())
        return count

    async def look(self, made: Transcription) -> State:
        """How it stands."""
        await trio.lowlevel.checkpoint()
        return self.queue.read(made).state

    def let_time_pass(self) -> None:
        """Whatever is put off is due."""
        self.queue.connection.execute("UPDATE fetches SET due_at = now() WHERE done_at IS NULL")


@pytest.fixture
def depot(database_url: str, database: Pool, tmp_path: Path) -> Iterator[Depot]:
    """Of a user with credit; the books balance at the end."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        queue = Queue(connection)
        internet = Internet(
            {"example.com": ["8.8.8.8"], "inner.example": ["10.0.0.1"]}, {"8.8.8.8": OK}
        )
        store, ruler = MemoryStore(tmp_path), Ruler()
        service = Transcriptions(database, config.Batch())
        spool = Spool(tmp_path / "spool", 0, trio.CapacityLimiter(1))
        intake = Intake(spool, store, ruler, service, 36_000)
        fetcher = Fetcher(database, internet.outbound(), intake, service, 10_000, 3600)
        yield Depot(queue, queue.user(), fetcher, internet, store, ruler, spool.directory)
        queue.check()


async def test_it_comes_and_waits_for_its_turn(depot: Depot) -> None:
    """Recorded at once; fetched, measured, kept, and what it costs set aside."""
    made = await depot.begin(Asked("any", Format.SRT, "en", metadata={"talk": 7}))
    assert (made.state, made.name, made.measured_ms) == (State.UPLOADING, "talk 7.mp3", None)
    assert await depot.work() == 1
    found = depot.queue.read(made)
    assert (found.state, found.measured_ms, found.hold_ms) == (State.QUEUED, 61_500, 62_000)
    assert found.options == {"format": "srt", "language": "en"}
    assert found.metadata == {"talk": 7}
    assert depot.store.objects == {f"audio/{made.id}": SOUND}
    assert await depot.work() == 0


async def test_the_same_request_is_one(depot: Depot) -> None:
    """Before it was fetched, and after; another URL under its key is refused."""
    asked = Asked("any", idempotency_key="talk-7")
    first = await depot.begin(asked)
    assert (await depot.begin(asked)).id == first.id
    assert await depot.work() == 1
    assert (await depot.begin(asked)).id == first.id
    assert await depot.work() == 0
    answer = await depot.fetcher.begin(depot.user_id, asked, "http://example.com/other.mp3")
    assert answer == Declined(DeclinedReason.KEY_TAKEN)
    other = await depot.fetcher.begin(depot.queue.user(), asked, URL)
    assert isinstance(other, Standing)
    assert other.transcription.id != first.id


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "url_status"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10001\r\n\r\n", "file_too_large"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + bytes(20_000), "file_too_large"),
        (b"HTTP/1.1 302 F\r\nLocation: http://inner.example/\r\n\r\n", "url_refused"),
    ],
)
async def test_what_will_never_come(depot: Depot, answer: bytes, code: str) -> None:
    """Failed at once with its reason, and nothing charged."""
    depot.internet.answers["8.8.8.8"] = answer
    made = await depot.begin()
    assert await depot.work() == 1
    found = depot.queue.read(made)
    assert (found.state, found.reason, found.charged_ms) == (State.FAILED, code, 0)
    assert "10.0.0.1" not in depot.internet.dialled
    depot.let_time_pass()
    assert await depot.work() == 0


async def test_an_address_inside_is_never_asked(depot: Depot) -> None:
    """The failure says why."""
    made = await depot.begin(url="http://inner.example/talk.mp3")
    await depot.work()
    found = depot.queue.read(made)
    assert found.reason == "url_refused"
    assert found.problem is not None
    assert "public" in found.problem
    assert not depot.internet.dialled


async def test_a_server_that_is_down_is_tried_again(depot: Depot) -> None:
    """Three more times; then it has failed. One that is back in time is as good as any."""
    depot.internet.answers["8.8.8.8"] = b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"
    lost, late = await depot.begin(), await depot.begin(url="http://example.com/late.mp3")
    for _ in range(3):
        assert await depot.work() == 2
        depot.let_time_pass()
    assert depot.queue.read(lost).state is State.UPLOADING
    fetch = await depot.fetcher.database.transact(fetches.claim)
    assert fetch is not None
    await depot.fetcher.fetch(fetch)
    assert depot.queue.read(lost).reason == "url_failed"
    depot.internet.answers["8.8.8.8"] = OK
    await depot.work()
    assert depot.queue.read(late).state is State.QUEUED


async def test_a_failure_of_ours_counts_for_nothing(depot: Depot) -> None:
    """While the store or the children fail, it is begun again and again."""
    made = await depot.begin()
    depot.ruler.fault = MediaFailed("no process")
    for _ in range(6):
        assert await depot.work() == 1
        depot.let_time_pass()
    depot.ruler.fault = None
    await depot.work()
    assert depot.queue.read(made).state is State.QUEUED


async def test_what_is_no_recording(depot: Depot) -> None:
    """Its reason is that of a file that is handed in."""
    depot.ruler.fault = Unreadable("no_audio", "There is no sound in the file.")
    made = await depot.begin()
    await depot.work()
    found = depot.queue.read(made)
    assert (found.reason, found.problem) == ("no_audio", "There is no sound in the file.")


async def test_without_credit_it_fails(depot: Depot) -> None:
    """Found out once its length is known."""
    poor = depot.queue.user(1000)
    answer = await depot.fetcher.begin(poor, Asked("any"), URL)
    assert isinstance(answer, Standing)
    await depot.work()
    assert depot.queue.read(answer.transcription).reason == "insufficient_credits"
    assert not depot.store.objects


async def test_what_was_called_off_is_not_taken(depot: Depot) -> None:
    """Its owner gave it up before it came."""
    made = await depot.begin()
    depot.queue.cancel(depot.user_id, made.id)
    await depot.work()
    assert depot.queue.read(made).state is State.CANCELLED
    assert not depot.store.objects


async def test_a_process_that_died_is_followed(depot: Depot) -> None:
    """After its lease another one begins; the first one's claim counts no more."""
    made = await depot.begin()
    first = await depot.fetcher.database.transact(fetches.claim)
    assert first is not None
    assert await depot.fetcher.database.transact(fetches.claim) is None
    depot.let_time_pass()
    assert await depot.work() == 1
    assert not await depot.fetcher.database.transact(fetches.renew, first)
    assert depot.queue.read(made).state is State.QUEUED


async def test_an_address_goes_with_its_recording(depot: Depot) -> None:
    """Nothing of it is left in the database once the recording is deleted."""
    made = await depot.begin()
    await depot.work()
    depot.queue.delete(depot.user_id, made.id)
    assert depot.queue.connection.execute("SELECT * FROM fetches").fetchall() == []


async def test_a_daemon_fetches(depot: Depot) -> None:
    """The loop is woken by whoever hands in, and finds what is due."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(depot.fetcher.run)
        made = await depot.begin()
        with trio.fail_after(10):
            while (  # noqa: ASYNC110 - told in the database alone
                await depot.look(made)
            ) is not State.QUEUED:
                await trio.sleep(0.01)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (URL, "talk 7.mp3"),
        ("http://example.com", ""),
        ("http://example.com/a/", ""),
        ("http://example.com/%00%0a%ff.mp3", "\ufffd.mp3"),
    ],
)
def test_names(url: str, name: str) -> None:
    """A file's name is the last of its address, as far as it can be shown."""
    assert name_of(url) == name
