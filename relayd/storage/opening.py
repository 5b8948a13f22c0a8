"""The configured store, whichever kind it is."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

import attrs
import trio

from relayd import config
from relayd.errors import ConfigError
from relayd.storage.folder import Folder
from relayd.storage.ports import Store
from relayd.storage.spool import Spool

if TYPE_CHECKING:
    from obstore.store import ClientConfig

__all__ = ["Storage", "folder_of", "open_storage"]

# Each is one object on its way, of at most 32 MiB in memory.
_STORE_THREADS: Final = 4
# Each has 1 MiB to write to the disk.
_SPOOL_THREADS: Final = 4


@attrs.frozen
class Storage:
    """Where recordings come in, and where they and their transcripts are."""

    spool: Spool
    store: Store


def open_storage(settings: config.Storage, directory: Path) -> Storage:
    """The store of ``settings``, and the spool; ``directory`` is `Config.files_directory`.

    Reaches and makes nothing yet. Raises `ConfigError` where the URL is not understood. Call it
    inside `trio.run`.
    """
    place = folder_of(settings.url, directory)
    scratch = (place or directory) / "spool"
    spool = Spool(scratch, settings.floor_bytes, trio.CapacityLimiter(_SPOOL_THREADS))
    limiter = trio.CapacityLimiter(_STORE_THREADS)
    if place is None:
        return Storage(spool, _remote(settings, limiter, scratch))
    return Storage(spool, Folder(place / "objects", scratch, limiter))


def folder_of(url: str, directory: Path) -> Path | None:
    """The folder that is the store, ``directory`` by default; None for a store elsewhere."""
    if not url:
        return directory
    parts = urlsplit(url)
    return Path(url2pathname(parts.path)) if parts.scheme == "file" else None


def _remote(settings: config.Storage, limiter: trio.CapacityLimiter, scratch: Path) -> Store:
    # Here, because it is 15 MB that a folder does without.
    from obstore import exceptions  # noqa: PLC0415
    from obstore.store import from_url  # noqa: PLC0415

    from relayd.storage.objects import CLIENT, RETRIES, Objects  # noqa: PLC0415

    given = {
        "endpoint": settings.endpoint,
        "region": settings.region,
        "access_key_id": settings.access_key.reveal(),
        "secret_access_key": settings.secret_key.reveal(),
    }
    # Which store it is, and so which of its keys are right, is in the URL.
    keys: Any = {name: value for name, value in given.items() if value}
    client: ClientConfig = {**CLIENT, "allow_http": settings.endpoint.startswith("http://")}
    try:
        store = from_url(
            settings.url,
            config=keys,
            client_options=client,
            retry_config=RETRIES,
        )
    except (exceptions.BaseError, ValueError):
        # Neither its text nor its cause: they may quote a key.
        raise ConfigError("storage.url", "is not a store that can be opened") from None
    return Objects(store, limiter, scratch)
