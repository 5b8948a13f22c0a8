"""What `[storage]` comes to."""

from pathlib import Path

import pytest

from relayd import config
from relayd.config import Secret
from relayd.errors import ConfigError
from relayd.storage.folder import Folder
from relayd.storage.objects import Objects
from relayd.storage.opening import open_storage


async def test_without_a_url_it_is_a_folder(tmp_path: Path) -> None:
    """Beside the database, made when it is needed."""
    opened = open_storage(config.Storage(), tmp_path / "files")
    assert isinstance(opened.store, Folder)
    assert opened.store.directory == tmp_path / "files" / "objects"
    assert opened.spool.directory == opened.store.scratch == tmp_path / "files" / "spool"
    assert not (tmp_path / "files").exists()


async def test_a_folder_can_be_named(tmp_path: Path) -> None:
    """With file:, its spool on the same disk."""
    opened = open_storage(config.Storage(url=f"file://{tmp_path}/a%20b"), tmp_path)
    assert isinstance(opened.store, Folder)
    assert opened.store.directory == tmp_path / "a b" / "objects"
    assert opened.spool.directory.parent == tmp_path / "a b"


async def test_a_bucket_has_links(tmp_path: Path) -> None:
    """A store like S3 signs URLs itself, without being asked over the network."""
    settings = config.Storage(
        url="s3://calls/relayd",
        endpoint="http://127.0.0.1:9000",
        region="eu-1",
        access_key=Secret("key-name"),
        secret_key=Secret("key-secret"),
    )
    opened = open_storage(settings, tmp_path)
    assert isinstance(opened.store, Objects)
    link = await opened.store.link("audio/one", 60)
    assert link is not None
    assert link.startswith("http://127.0.0.1:9000/calls/relayd/audio/one?")
    assert "X-Amz-Expires=60" in link
    assert "key-secret" not in link


@pytest.mark.parametrize(
    "url", ["s3://", "ftp://x/y", "s3://key:secret@bucket", "relayd", "file:x"]
)
def test_what_is_no_store_is_refused(url: str) -> None:
    """The problem names forms that would be right, and repeats nothing."""
    problem = config.forms.storage_url(url)
    assert problem is not None
    assert "secret" not in problem


async def test_a_store_that_is_not_understood_names_the_key(tmp_path: Path) -> None:
    """As every wrong key does."""
    with pytest.raises(ConfigError, match=r"storage\.url"):
        open_storage(config.Storage(url="az://account"), tmp_path)
