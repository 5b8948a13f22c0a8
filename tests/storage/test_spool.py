"""The spool: room is taken first, and nothing stays."""

import hashlib
import os
from pathlib import Path

import pytest
import trio

from relayd.errors import StorageFull
from relayd.storage.spool import ABANDONED_SECONDS, Spool


def spool(path: Path, floor_bytes: int = 0) -> Spool:
    """One in a folder that isn't there yet."""
    return Spool(path / "spool", floor_bytes, trio.CapacityLimiter(2))


async def test_what_comes_is_written(tmp_path: Path) -> None:
    """The file has the bytes in their order and no more, however much was announced."""
    part = bytes(range(256)) * 64
    async with spool(tmp_path).file(10_000_000) as file:
        for _ in range(200):
            await file.write(part)
        await file.finish()
        assert file.path.read_bytes() == part * 200
        assert file.size_bytes == len(part) * 200
        assert file.sha256 == hashlib.sha256(part * 200).digest()


async def test_room_is_taken_before_the_bytes_come(tmp_path: Path) -> None:
    """What was announced has its blocks on the disk at once: it can't run full in the middle."""
    async with spool(tmp_path).file(3_000_000) as file:
        facts = file.path.stat()
        assert facts.st_size == 3_000_000
        assert facts.st_blocks * 512 >= 3_000_000


async def test_the_floor_stays_free(tmp_path: Path) -> None:
    """An upload that would leave less than the floor is refused before its first byte."""
    there = os.statvfs(tmp_path)
    free = there.f_bavail * there.f_frsize
    with pytest.raises(StorageFull):
        async with spool(tmp_path, floor_bytes=free - 10_000_000).file(50_000_000):
            raise AssertionError("it was let in")
    assert not list((tmp_path / "spool").iterdir())


async def test_nothing_stays_of_an_upload_that_failed(tmp_path: Path) -> None:
    """Its file is gone however it ends; one that was taken away stays where it was taken."""
    kept = tmp_path / "kept"
    with trio.CancelScope() as scope:
        async with spool(tmp_path).file(None) as file:
            await file.write(b"sound")
            scope.cancel()
            await trio.lowlevel.checkpoint()
    assert not list((tmp_path / "spool").iterdir())
    async with spool(tmp_path).file(None) as file:
        await file.write(b"sound")
        await file.finish()
        file.path.rename(kept)
    assert kept.read_bytes() == b"sound"


async def test_a_dead_process_leaves_nothing_for_ever(tmp_path: Path) -> None:
    """What nobody wrote to for hours is removed, and what is being written is not."""
    folder = tmp_path / "spool"
    folder.mkdir()
    old, new = folder / "old.part", folder / "new.part"
    old.touch()
    new.touch()
    long_ago = new.stat().st_mtime - ABANDONED_SECONDS - 1
    os.utime(old, (long_ago, long_ago))
    assert await spool(tmp_path).sweep() == 1
    assert [one.name for one in folder.iterdir()] == ["new.part"]
