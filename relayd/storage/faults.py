"""What goes wrong with disks and stores, said in relayd's words."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from relayd.errors import ObjectMissing, StorageFull, StorageUnavailable

__all__ = ["translated"]

_FULL: Final = {errno.ENOSPC, errno.EDQUOT}


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
        # Not its text: it may hold a URL that is signed, or a key.
        raise StorageUnavailable(f"it can't be used: {type(error).__name__}") from error
