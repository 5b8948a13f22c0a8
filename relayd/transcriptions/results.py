"""Result documents as they are kept: JSON under a key that names the attempt.

The attempt is in the key so that a worker that was taken for dead can't write over what another
one made since.
"""

from uuid import UUID

import msgspec

from relayd.speech.document import Document

__all__ = ["decode", "encode", "key"]


def key(transcription_id: UUID, attempt: int) -> str:
    """Where in the store a result is."""
    return f"results/{transcription_id}.{attempt}.json"


def encode(document: Document) -> bytes:
    """A document as it is kept."""
    return msgspec.json.encode(document)


def decode(kept: bytes) -> Document:
    """A document from what was kept."""
    return msgspec.json.decode(kept, type=Document)
