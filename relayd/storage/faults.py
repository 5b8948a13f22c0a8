"""What goes wrong with disks and stores, said in relayd's words."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from relayd.errors import ObjectMissing, StorageFull, StorageUnavailable

__all__ = ["translated"]

_FULL: Final = {errno.ENOSPC, errno.EDQUOT}
# obstore's, by their names: importing them is 15 MB that a folder does without.
_STORE_FAULTS: Final = {
    "GenericError": "it can't be reached, or doesn't answer as a store does",
    "PermissionDeniedError": "it refuses these keys",
    "UnauthenticatedError": "it refuses these keys",
    "UnknownConfigurationKeyError": "it doesn't understand its configuration",
}


@contextmanager
def translated(kind: type[Exception], missing: type[Exception]) -> Iterator[None]:
    """Exceptions of this kind, and those of files, as ours; ``missing`` is an object not there."""
    try:
        yield
    except (missing, FileNotFoundError) as error:
        raise ObjectMissing("there is no such object") from error
    except (kind, OSError) as error:
        if isinstance(error, OSError) and error.errno in _FULL:
            raise StorageFull("the disk is full") from error
        raise StorageUnavailable(_told(error)) from error


def _told(error: Exception) -> str:
    """A disk's own words; of a store's not its text: it may hold a URL that is signed, or a key."""
    if isinstance(error, OSError) and error.strerror:
        return f"it can't be used: {error.strerror}"
    kind = type(error).__name__
    return _STORE_FAULTS.get(kind, f"it can't be used: {kind}")
