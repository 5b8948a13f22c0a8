"""A recording through a whole worker: real sound, a real store, an engine that pretends."""

import wave
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
import trio

from relayd import daemon
from relayd.daemon import working
from relayd.daemon.keeping import migrate_schema
from relayd.database.opening import open_configured
from relayd.database.pool import Pool
from relayd.jobs import claiming
from relayd.ledger import boots
from relayd.storage.opening import open_storage
from relayd.storage.ports import Store
from relayd.transcriptions import results
from relayd.transcriptions.outcomes import State, Submission, Submitted, Transcription
from relayd.transcriptions.service import Transcriptions
from tests.daemon.conftest import Settings
from tests.ledger.store import Store as Ledger
from tests.storage.servers import moto

pytestmark = pytest.mark.system

PATIENCE_SECONDS = 60
AUDIO_MS = 12_345


def spoken(path: Path) -> bytes:
    """A WAV of some seconds."""
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(bytes(32 * AUDIO_MS))
    return path.read_bytes()


def customer(url: str) -> UUID:
    """Somebody with credit."""
    with psycopg.connect(url, autocommit=True) as connection:
        return Ledger(connection).add_user(1_000_000).user_id


async def handed_in(service: Transcriptions, store: Store, sound: bytes) -> Transcription:
    """A recording of a new customer."""
    assert isinstance(service.database, Pool)
    user_id = await trio.to_thread.run_sync(customer, service.database.conninfo)
    key = f"audio/{uuid4()}"
    await store.put(key, sound)
    answer = await service.submit(Submission(uuid4(), user_id, "pretend", key, AUDIO_MS))
    assert isinstance(answer, Submitted)
    return answer.standing.transcription


async def ended(service: Transcriptions, asked: Transcription) -> Transcription:
    """Wait for its end."""
    with trio.fail_after(PATIENCE_SECONDS):
        while True:
            standing = await service.look(asked.user_id, asked.id)
            assert standing is not None
            if standing.transcription.ended_at is not None:
                return standing.transcription
            await trio.sleep(0.02)


@pytest.mark.parametrize("within", ["serve", "worker"])
async def test_from_a_recording_to_its_words(
    settings: Settings, tmp_path: Path, within: str
) -> None:
    """A worker decodes it, has it transcribed, keeps the words and charges what it heard."""
    workers = {"serve": "1", "worker": "0"}[within]
    given = settings(RELAYD_BATCH__WORKERS=workers, RELAYD_STORAGE__DIRECTORY=str(tmp_path / "f"))
    store = open_storage(given.storage, given.files_directory).store
    stop, begun = trio.Event(), trio.Event()

    def started(_: str) -> None:
        begun.set()

    async def run() -> None:
        if within == "serve":
            await daemon.run(given, started=started, stop=stop)
        else:
            await working.run(given, 1, started=started, stop=stop)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        await begun.wait()
        limiter = trio.CapacityLimiter(2)
        async with open_configured(given.database, limiter) as database:
            service = Transcriptions(database, given.batch)
            sound = spoken(tmp_path / "a.wav")
            done = await ended(service, await handed_in(service, store, sound))
        stop.set()

    assert (done.state, done.charged_ms, done.engine) == (State.DONE, AUDIO_MS, "pretend")
    assert done.result is not None
    document = results.decode(await store.read(done.result))
    assert document.duration_ms == AUDIO_MS
    assert document.text.startswith("These are pretended words")


async def test_a_worker_that_shares_no_disk(settings: Settings, tmp_path: Path) -> None:
    """All that it has of a recording is in the object store, and so are the words afterwards."""
    with moto() as server:
        here = server.settings("relayd")
        given = settings(
            RELAYD_STORAGE__URL=here.url,
            RELAYD_STORAGE__ENDPOINT=here.endpoint,
            RELAYD_STORAGE__REGION=here.region,
            RELAYD_STORAGE__ACCESS_KEY=here.access_key.reveal(),
            RELAYD_STORAGE__SECRET_KEY=here.secret_key.reveal(),
            RELAYD_STORAGE__DIRECTORY=str(tmp_path / "of the worker"),
        )
        store = open_storage(here, tmp_path / "of the daemon").store
        stop = trio.Event()
        async with open_configured(given.database, trio.CapacityLimiter(2)) as database:
            await migrate_schema(database)
            service = Transcriptions(database, given.batch)
            asked = await handed_in(service, store, spoken(tmp_path / "a.wav"))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(partial(working.run, given, 1, started=print, stop=stop))
                done = await ended(service, asked)
                stop.set()
            assert (done.state, done.charged_ms) == (State.DONE, AUDIO_MS)
            assert done.result is not None
            assert results.decode(await store.read(done.result)).duration_ms == AUDIO_MS
            # One result, of the one time that it was transcribed.
            assert [one.key for one in await store.list("results")] == [done.result]


async def test_what_a_killed_worker_left(settings: Settings, tmp_path: Path) -> None:
    """The next worker of the machine goes on with it, however patient it is with heartbeats."""
    given = settings(
        RELAYD_STORAGE__DIRECTORY=str(tmp_path / "f"), RELAYD_METERING__DEAD_SECONDS="3600"
    )
    store = open_storage(given.storage, given.files_directory).store
    stop, dead = trio.Event(), uuid4()
    async with open_configured(given.database, trio.CapacityLimiter(2)) as database:
        await migrate_schema(database)
        service = Transcriptions(database, given.batch)
        asked = await handed_in(service, store, spoken(tmp_path / "a.wav"))
        await database.transact(boots.register, dead, "here")
        assert await database.transact(claiming.claim, dead, 60) is not None
        # What the kernel leaves of one that was killed: its file, unlocked.
        file = given.database.data_directory / working.NEIGHBOURS / str(dead)
        file.parent.mkdir(parents=True)
        file.touch()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(working.run, given, 1, started=print, stop=stop))
            done = await ended(service, asked)
            stop.set()

    assert (done.state, done.charged_ms) == (State.DONE, AUDIO_MS)
    assert list(file.parent.iterdir()) == []
