"""What a backup says of itself, on its last line.

The file is an archive of pg_dump's custom format with one line behind it, which pg_restore doesn't
read: `pg_restore --list FILE` works as with any other. The line makes a file that was cut short or
changed known before anything is done with it, and tells how many rows of what must come back.
"""

import datetime as dt
import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from relayd.config import Secret
from relayd.errors import OperatorError

__all__ = ["Manifest", "pepper_mark", "read_manifest", "seal"]

_MARK: Final = b"\nrelayd-backup "
# A manifest has some 1 KiB; more than this is none.
_MANIFEST_BYTES_MAX: Final = 65_536
_CHUNK_BYTES: Final = 1024 * 1024
# Enough to tell two peppers apart, far too little to try guesses on.
_PEPPER_MARK_CHARACTERS: Final = 8


@attrs.frozen(kw_only=True)
class Manifest:
    """A backup's own account. ``rows`` are by table, ``sha256`` is that of the archive before."""

    relayd: str
    made_at: str
    # The server's major version.
    postgresql: int
    # Where the tables are; usually "public".
    schema: str
    # The last migration that was applied.
    migration: int
    rows: Mapping[str, int]
    # Whether the audit of the same snapshot found nothing; None where the schema was too old.
    balanced: bool | None
    pepper_mark: str
    sha256: str = ""

    @property
    def total_rows(self) -> int:
        """Of all tables."""
        return sum(self.rows.values())


def pepper_mark(pepper: Secret) -> str:
    """The same for the same pepper, and no help in finding it."""
    key = pepper.reveal().encode()
    return hmac.new(key, b"relayd backup", "sha256").hexdigest()[:_PEPPER_MARK_CHARACTERS]


def seal(path: Path, manifest: Manifest) -> Manifest:
    """Append the manifest to an archive and have all of it on the disk; with the checksum."""
    sealed = attrs.evolve(manifest, sha256=_checksum(path, path.stat().st_size))
    with path.open("ab") as file:
        file.write(_MARK + json.dumps(attrs.asdict(sealed), sort_keys=True).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return sealed


def read_manifest(path: Path) -> Manifest:
    """The manifest of a whole backup. Raises `OperatorError` where the file is none, or damaged."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _MANIFEST_BYTES_MAX))
            tail = file.read()
        _, mark, line = tail.rpartition(_MARK)
        if not mark or not line.endswith(b"\n"):
            raise OperatorError(
                f"{path} is no whole backup: its last line is missing. It was cut short, or "
                "`relayd backup` didn't make it"
            )
        manifest = _parsed(path, line)
        if _checksum(path, size - len(line) - len(mark)) != manifest.sha256:
            raise OperatorError(f"{path} is damaged: its checksum is wrong. Use another backup")
    except OSError as error:
        raise OperatorError(f"{path} can't be read: {error.strerror}") from error
    return manifest


def _parsed(path: Path, line: bytes) -> Manifest:
    try:
        fields: dict[str, Any] = json.loads(line)
        return Manifest(**fields)
    except (ValueError, TypeError):
        raise OperatorError(
            f"{path} is damaged, or made by a later relayd: its last line can't be read"
        ) from None


def now() -> str:
    """The moment that a manifest is dated with."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def _checksum(path: Path, size: int) -> str:
    """SHA-256 of the first so many bytes."""
    digest, left = hashlib.sha256(), size
    with path.open("rb") as file:
        while left and (chunk := file.read(min(left, _CHUNK_BYTES))):
            digest.update(chunk)
            left -= len(chunk)
    return digest.hexdigest()
