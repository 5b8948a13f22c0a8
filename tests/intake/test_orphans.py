"""Objects that nothing refers to are removed, and no others."""

import datetime as dt
from pathlib import Path
from uuid import uuid4

import psycopg

from relayd.database.pool import Pool
from relayd.intake.orphans import sweep_orphans
from tests.fakes.storage import MemoryStore
from tests.jobs.queueing import Queue


async def test_orphans_go(database_url: str, database: Pool, tmp_path: Path) -> None:
    """Old ones that no recording names; what is used, young or somebody else's stays."""
    store = MemoryStore(tmp_path)
    with psycopg.connect(database_url, autocommit=True) as connection:
        queue = Queue(connection)
        waiting, done = (
            queue.submitted(queue.user(), id=one, source=f"audio/{one}")
            for one in (uuid4(), uuid4())
        )
        claims = [queue.claim(queue.worker()) for _ in range(2)]
        for claim in claims:
            if claim is not None and claim.id == done.id:
                queue.finish(claim)
    kept = {f"audio/{waiting.id}", f"results/{done.id}.1", "audio/README"}
    gone = {f"audio/{uuid4()}", f"results/{uuid4()}.1.json", f"results/{done.id}.0.json"}
    for key in kept | gone:
        await store.put(key, b"")
    now = dt.datetime.now(dt.UTC)
    assert await sweep_orphans(database, store, now) == 0
    assert await sweep_orphans(database, store, now + dt.timedelta(days=3)) == 3
    assert set(store.objects) == kept
