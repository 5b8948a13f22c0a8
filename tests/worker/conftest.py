"""A world of this test's own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from relayd.database.pool import Pool
from tests.worker.world import World


@pytest.fixture
async def world(database: Pool, tmp_path: Path) -> AsyncIterator[World]:
    """Nobody works in it yet; the books balance at the end."""
    world = World.on(database, tmp_path)
    yield world
    await world.check()
