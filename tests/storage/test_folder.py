"""The folder: nothing half there, nothing for others to read."""

import errno
import os
from pathlib import Path

import pytest
import trio

from relayd.errors import StorageFull, StorageUnavailable
from relayd.storage.folder import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """One below the test's own folder."""
    return Folder(tmp_path / "objects", tmp_path / "spool", trio.CapacityLimiter(1))


async def test_bytes_are_on_the_disk_before_their_name(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power failure leaves the whole object or none: bytes, then name, then its folder."""
    done: list[str] = []
    really = Path.replace

    def sync(descriptor: int) -> None:
        done.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().name}")

    def rename(path: Path, target: Path) -> Path:
        done.append("rename")
        return really(path, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "replace", rename)
    await folder.put("audio/one", b"sound")
    await folder.put("audio/two", b"sound")
    parts = [one for one in done if not one.endswith(".part")]
    assert parts == ["sync objects", "rename", "sync audio", "rename", "sync audio"]
    assert done[0].endswith(".part")


async def test_a_file_is_moved_and_not_copied(folder: Folder, tmp_path: Path) -> None:
    """A recording of gigabytes takes no time and no second room."""
    came = tmp_path / "came"
    came.write_bytes(b"sound")
    number = came.stat().st_ino
    await folder.put_file("audio/one", came)
    async with folder.as_file("audio/one") as path:
        assert path.stat().st_ino == number
    assert not came.exists()


async def test_only_its_user_reads_it(folder: Folder) -> None:
    """Recordings are private: the folders are closed to everybody else."""
    await folder.put("audio/one", b"sound")
    for path in (folder.directory, folder.directory / "audio", folder.scratch):
        assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, StorageFull), (errno.EACCES, StorageUnavailable)]
)
async def test_a_disk_that_refuses_is_said_in_our_words(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[Exception]
) -> None:
    """A full disk is told apart from one that can't be written, and leaves nothing behind."""

    def refuse(_descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(kind) as raised:
        await folder.put("audio/one", b"sound")
    assert type(raised.value) is kind
    assert not list(folder.scratch.iterdir())


@pytest.mark.parametrize("key", ["audio/../../secrets", "/etc/passwd", "audio//one", "."])
async def test_no_key_leads_out_of_it(folder: Folder, key: str) -> None:
    """Keys are the program's own; one that climbs is a bug and is stopped."""
    with pytest.raises(AssertionError):
        await folder.put(key, b"")
