"""A queue of this test's own."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.jobs.queueing import Queue


@pytest.fixture
def queue(database_url: str) -> Iterator[Queue]:
    """Empty, on PostgreSQL; the books balance at the end."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        queue = Queue(connection)
        yield queue
        queue.check()
