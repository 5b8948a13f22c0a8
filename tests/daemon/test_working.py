"""A recording through a whole worker: real sound, a real store, an engine that pretends."""

import wave
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
import trio

from relayd import config, daemon
from relayd.daemon import working
from relayd.database.opening import open_configured
from relayd.database.pool import Pool
from relayd.storage.opening import open_storage
from relayd.storage.ports import Store
from relayd.transcriptions import results
from relayd.transcriptions.outcomes import State, Submission, Submitted, Transcription
from relayd.transcriptions.service import Transcriptions
from tests.daemon.conftest import Settings
from tests.ledger.store import Store as Ledger

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


async def transcribed(
    database: Pool, settings: config.Config, store: Store, sound: bytes
) -> Transcription:
    """Hand it in, and wait for its end."""
    service = Transcriptions(database, settings.batch)
    user_id = await trio.to_thread.run_sync(customer, database.conninfo)
    key = f"audio/{uuid4()}"
    await store.put(key, sound)
    answer = await service.submit(Submission(uuid4(), user_id, "pretend", key, AUDIO_MS))
    assert isinstance(answer, Submitted)
    asked = answer.standing.transcription
    with trio.fail_after(PATIENCE_SECONDS):
        while True:
            standing = await service.look(user_id, asked.id)
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
            done = await transcribed(database, given, store, spoken(tmp_path / "a.wav"))
        stop.set()

    assert (done.state, done.charged_ms, done.engine) == (State.DONE, AUDIO_MS, "pretend")
    assert done.result is not None
    document = results.decode(await store.read(done.result))
    assert document.duration_ms == AUDIO_MS
    assert document.text.startswith("These are pretended words")
