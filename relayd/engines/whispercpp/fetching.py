"""Fetching a ggml file: begun again where it was broken off, and checked before it is used.

What was fetched so far stands beside the model's place as ``….bin.part``. Nothing but a whole file
with the right checksum ever gets the model's name.
"""

import hashlib
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import httpx

from relayd.engines.whispercpp.known import Published
from relayd.engines.whispercpp.shelf import GgmlFile, Shelf
from relayd.errors import ModelUnavailable, OperatorError

__all__ = ["Reached", "fetch"]

# Told how many bytes are there, and how many there will be; None where the server doesn't say it.
Reached = Callable[[int, int | None], None]

# To connect, and between two pieces.
WAIT_SECONDS: Final = 30
# What must stay free on the disk beside the model.
FREE_BYTES: Final = 256 * 1024**2

_PARTIAL: Final = 206
_BEYOND_THE_END: Final = 416


def fetch(
    shelf: Shelf,
    published: Published,
    reached: Reached,
    transport: httpx.BaseTransport | None = None,
) -> GgmlFile:
    """Fetch a model that isn't there yet; ``transport`` stands in for the network.

    Raises ModelUnavailable where going on later may help, OperatorError where it won't.
    """
    place = shelf.place(published.name)
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(f"{place.name}.part")
    try:
        with httpx.Client(
            timeout=WAIT_SECONDS, follow_redirects=True, transport=transport
        ) as client:
            _fetch_rest(client, published, part, reached)
    except httpx.HTTPError as error:
        raise ModelUnavailable(
            f"{published.name} can't be fetched now ({type(error).__name__}); the same command goes"
            " on where it stopped"
        ) from error
    except OSError as error:
        raise OperatorError(f"{part} can't be written: {error.strerror}") from error
    _check(part, published)
    part.replace(place)
    _sync(place.parent)
    found = shelf.find(published.name)
    if found is None:
        place.unlink()
        raise OperatorError(f"{published.url} is no ggml file")
    return found


def _fetch_rest(client: httpx.Client, published: Published, part: Path, reached: Reached) -> None:
    have = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    with client.stream("GET", published.url, headers=headers) as response:
        if response.status_code == _BEYOND_THE_END:
            # All of it is there, or more than that; the checksum tells.
            return
        if not response.is_success:
            raise ModelUnavailable(f"{published.url} answered {response.status_code}")
        if response.status_code != _PARTIAL:
            have = 0
        length = response.headers.get("content-length", "")
        total = have + int(length) if length.isdigit() else None
        _require_room(part.parent, (total or 0) - have)
        with part.open("ab" if have else "wb") as file:
            # As it comes: what were collected first would be lost with the connection.
            for piece in response.iter_bytes():
                file.write(piece)
                have += len(piece)
                reached(have, total)
            file.flush()
            os.fsync(file.fileno())


def _require_room(directory: Path, needed_bytes: int) -> None:
    free = shutil.disk_usage(directory).free - FREE_BYTES
    if needed_bytes > free:
        raise OperatorError(
            f"{directory} has room for {max(free, 0):,} bytes, and the model has {needed_bytes:,}"
        )


def _check(part: Path, published: Published) -> None:
    digest = hashlib.sha256()
    with part.open("rb") as file:
        for piece in iter(partial(file.read, 2**20), b""):
            digest.update(piece)
    found = digest.hexdigest()
    if found != published.sha256:
        # Going on with it would never come right.
        part.unlink()
        raise OperatorError(
            f"{published.name} was fetched and is not what it should be: its SHA-256 is {found},"
            f" not {published.sha256}; what was fetched is deleted"
        )


def _sync(directory: Path) -> None:
    """Make the new name outlast a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
