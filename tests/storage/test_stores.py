"""Every store keeps the same contract: a folder, what obstore speaks to, and the tests' own."""

from collections.abc import Callable
from pathlib import Path

import pytest
import trio
from obstore.store import MemoryStore as ObstoreMemory

from relayd.errors import ObjectMissing
from relayd.storage.folder import Folder
from relayd.storage.objects import Objects
from relayd.storage.ports import Store
from tests.fakes.storage import MemoryStore

Made = Callable[[Path], Store]


def folder(path: Path) -> Store:
    """A folder that isn't there yet."""
    return Folder(path / "deep" / "objects", path / "spool", trio.CapacityLimiter(2))


def objects(path: Path) -> Store:
    """Obstore over its own memory."""
    return Objects(ObstoreMemory(), trio.CapacityLimiter(2), path)


STORES = [folder, objects, MemoryStore]


@pytest.fixture(params=STORES, ids=["folder", "objects", "fake"])
def made(request: pytest.FixtureRequest) -> Made:
    """One way to make a store."""
    way: Made = request.param
    return way


async def test_what_is_put_is_read(made: Made, tmp_path: Path) -> None:
    """The bytes come back as they were, and the newest where one was put in another's place."""
    store = made(tmp_path)
    await store.put("results/one", b"first")
    await store.put("results/one", b"second")
    assert await store.read("results/one") == b"second"


async def test_a_file_is_put_and_read_as_a_file(made: Made, tmp_path: Path) -> None:
    """A recording goes in from a file and is read from one, which need not outlive its reader."""
    store = made(tmp_path)
    came = tmp_path / "came"
    came.write_bytes(b"sound" * 500_000)
    await store.put_file("audio/one", came)
    async with store.as_file("audio/one") as path:
        assert path.read_bytes() == b"sound" * 500_000


async def test_what_is_deleted_is_gone(made: Made, tmp_path: Path) -> None:
    """Deleting takes every key that is named, and one that isn't there is no fault."""
    store = made(tmp_path)
    await store.put("audio/one", b"1")
    await store.put("audio/two", b"2")
    await store.delete(["audio/one", "audio/none"])
    with pytest.raises(ObjectMissing):
        await store.read("audio/one")
    with pytest.raises(ObjectMissing):
        async with store.as_file("audio/one"):
            pass
    assert await store.read("audio/two") == b"2"


async def test_a_prefix_lists_what_is_below_it(made: Made, tmp_path: Path) -> None:
    """Each object with its size, those of other prefixes not among them."""
    store = made(tmp_path)
    assert list(await store.list("audio")) == []
    await store.put("audio/one", b"1")
    await store.put("audio/two", b"22")
    await store.put("audios/three", b"333")
    listed = await store.list("audio")
    assert {one.key: one.size_bytes for one in listed} == {"audio/one": 1, "audio/two": 2}
