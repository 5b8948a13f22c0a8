"""What Schemathesis is told of bodies that it doesn't know: those of uploads are bytes."""

from typing import Any

import schemathesis

__all__ = ["as_bytes"]


@schemathesis.serializer("application/offset+octet-stream")
def as_bytes(_context: Any, value: Any) -> bytes:
    """A text in the schema's words, as it is."""
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")
