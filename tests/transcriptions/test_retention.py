"""What is over is deleted, in the database and in the store."""

from pathlib import Path
from uuid import uuid4

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from relayd.database.pool import Pool
from relayd.jobs.ending import give_up
from relayd.transcriptions import ending, retention, submitting
from relayd.transcriptions.outcomes import Incoming, State
from tests.fakes.storage import MemoryStore
from tests.jobs.queueing import Queue

pytestmark = pytest.mark.system


def expire(queue: Queue) -> tuple[int, int]:
    """Every time is over."""
    queue.connection.execute(
        "UPDATE transcriptions SET expires_at = now() WHERE expires_at IS NOT NULL"
    )
    return queue.do(ending.expire, 30)


def test_an_upload_nobody_goes_on_with(queue: Queue) -> None:
    """It is given up, and what is told of it is that it failed."""
    user_id = queue.user()
    upload = queue.do(submitting.begin, Incoming(uuid4(), user_id, "pretend"), 60)

    assert expire(queue) == (1, 0)

    found = queue.read(upload)
    assert (found.state, found.charged_ms) == (State.EXPIRED, 0)


def test_words_are_kept_for_so_long(queue: Queue) -> None:
    """Then they are deleted; what waits or runs has no such time."""
    user_id = queue.user()
    taken, _ = queue.submitted(user_id), queue.submitted(user_id)
    claim = queue.claim(queue.worker())
    assert claim is not None
    assert queue.finish(claim)

    assert expire(queue) == (0, 1)

    assert queue.read(taken).state is State.DELETED
    assert expire(queue) == (0, 0)


def test_recordings_of_a_deleted_account(queue: Queue) -> None:
    """They go with it, whatever their state; what runs as soon as its worker lets go."""
    user_id = queue.user()
    for _ in range(2):
        queue.submitted(user_id)
    claim = queue.claim(queue.worker())
    assert claim is not None
    queue.connection.execute(
        "UPDATE users SET email = 'deleted ' || id::text, password_hash = '', deleted_at = now(),"
        " disabled_at = now() WHERE id = %s",
        (user_id,),
    )

    assert queue.do(ending.delete_orphans, 30) == 2
    assert queue.do(ending.delete_orphans, 30) == 0
    assert queue.finish(claim, 100)

    kept = queue.connection.execute("SELECT FROM transcriptions WHERE state <> 'deleted'")
    assert kept.fetchall() == []


async def test_objects_are_removed(database: Pool, tmp_path: Path) -> None:
    """What nothing refers to goes from the store, also after the store was away for a while."""
    store = MemoryStore(tmp_path, {"audio/1": b"x", "audio/2": b"y"})
    await database.transact(give_up, "audio/1")
    store.away = True

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(retention.run_retention, database, store, 30)
            await wait_all_tasks_blocked(0.3)
            store.away = False
            while "audio/1" in store.objects:  # noqa: ASYNC110 - the store tells nobody
                await trio.sleep(0.02)
            nursery.cancel_scope.cancel()

    assert list(store.objects) == ["audio/2"]
