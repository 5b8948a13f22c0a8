"""What `relayd check` says of where recordings are kept."""

import os
from pathlib import Path
from typing import Any

import attrs
import pytest

from relayd.checks.storage import judge, reach
from relayd.config import Auth, Config, Secret, Storage


def configured(**storage: Any) -> Config:
    """A configuration that keeps recordings so."""
    plain = Config(auth=Auth(secret=Secret("s"), pepper=Secret("p")))
    return attrs.evolve(plain, storage=attrs.evolve(Storage(floor_bytes=0), **storage))


def test_a_folder_that_can_be_made(tmp_path: Path) -> None:
    """It is well, and isn't made: it would belong to whoever looked."""
    found = judge(configured(directory=tmp_path / "a" / "b"))
    assert found.well
    assert str(tmp_path / "a" / "b") in found.detail
    assert not list(tmp_path.iterdir())


def test_a_folder_below_a_file(tmp_path: Path) -> None:
    """What is in the way is named, and the key."""
    (tmp_path / "a").write_text("")
    found = judge(configured(directory=tmp_path / "a" / "b"))
    assert not found.well
    assert found.detail.endswith(f"{tmp_path / 'a'} is not a directory")
    assert "storage.directory" in found.remedy


def test_a_folder_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root everything is writable, so the answer is scripted."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    found = judge(configured(url=f"file://{tmp_path}"))
    assert not found.well
    assert found.detail.endswith(f"{tmp_path} is not writable")


def test_a_disk_that_is_nearly_full(tmp_path: Path) -> None:
    """Recordings would be refused with 507: it is told before anybody hears that."""
    found = judge(configured(directory=tmp_path, floor_bytes=1 << 60))
    assert not found.well
    assert "recordings are refused" in found.detail
    assert "storage.floor_bytes" in found.remedy


async def test_without_an_object_store_none_is_asked(tmp_path: Path) -> None:
    """A folder is looked at, and not written to."""
    assert await reach(configured(directory=tmp_path)) is None


async def test_a_store_that_is_away() -> None:
    """What it may be is said without a word of its keys."""
    found = await reach(
        configured(
            url="s3://recordings/relayd",
            endpoint="http://127.0.0.1:1",
            access_key=Secret("an-access-key"),
            secret_key=Secret("a-secret-key"),
        )
    )
    assert found is not None
    assert not found.well
    assert "can't be reached" in found.detail
    assert "storage.endpoint" in found.remedy
    assert "a-secret-key" not in str(found)
