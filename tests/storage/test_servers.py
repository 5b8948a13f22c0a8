"""The object store over the wire: the same contract against two servers that are not one."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import trio

from relayd.errors import ObjectMissing, StorageUnavailable
from relayd.storage import objects
from relayd.storage.opening import open_storage
from relayd.storage.ports import Store
from tests.storage.servers import Server, moto, s3rver

pytestmark = pytest.mark.system

SOUND = b"sound" * 300_000


@pytest.fixture(scope="module", params=["moto", "s3rver"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """One of the two, for all tests."""
    way = moto() if request.param == "moto" else s3rver(tmp_path_factory.mktemp("s3rver"))
    with way as running:
        yield running


@pytest.fixture
async def store(server: Server, tmp_path: Path) -> Store:
    """A folder of the bucket that nobody else has."""
    return open_storage(server.settings(str(uuid4())), tmp_path).store


async def test_put_read_list_delete(store: Store) -> None:
    """What is put is read, listed with its size, and gone when it is deleted."""
    await store.put("results/one", b"first")
    await store.put("results/one", b"second")
    await store.put("audio/two", b"2")
    assert await store.read("results/one") == b"second"
    assert {one.key: one.size_bytes for one in await store.list("results")} == {"results/one": 6}

    await store.delete(["results/one", "results/none"])
    with pytest.raises(ObjectMissing):
        await store.read("results/one")
    assert list(await store.list("results")) == []
    assert await store.read("audio/two") == b"2"


async def test_a_file(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording goes up in parts and comes down as it was; what isn't there is missing."""
    monkeypatch.setattr(objects, "PART_BYTES", 5 * 1024 * 1024)
    came = tmp_path / "came"
    came.write_bytes(SOUND * 5)
    await store.put_file("audio/one", came)
    async with store.as_file("audio/one") as path:
        assert path.read_bytes() == SOUND * 5
    with pytest.raises(ObjectMissing):
        async with store.as_file("audio/none"):
            raise AssertionError("it was there")


async def test_links(store: Store) -> None:
    """Who has a link needs no key: to send an object, and to fetch it, and nothing else."""
    up = await store.link("uploads/one", 60, "PUT")
    down = await store.link("uploads/one", 60)
    assert up is not None
    assert down is not None
    sound = {"Content-Type": "audio/mpeg"}
    request = urllib.request.Request(up, SOUND, sound, method="PUT")  # noqa: S310 - loopback
    await trio.to_thread.run_sync(fetched, request)
    assert await store.read("uploads/one") == SOUND
    assert await trio.to_thread.run_sync(fetched, urllib.request.Request(down)) == SOUND  # noqa: S310


async def test_a_store_that_is_away(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said to be away within seconds, and nothing of its URL is."""
    monkeypatch.setattr(objects, "RETRIES", {**objects.RETRIES, "max_retries": 0})
    nowhere = Server("http://127.0.0.1:9", server.key)
    with pytest.raises(StorageUnavailable) as refused:
        await open_storage(nowhere.settings("x"), tmp_path).store.read("audio/one")
    assert "127.0.0.1" not in str(refused.value)


def fetched(request: urllib.request.Request) -> bytes:
    """What a plain client gets."""
    with urllib.request.urlopen(request) as response:  # noqa: S310 - loopback
        content: bytes = response.read()
    return content
