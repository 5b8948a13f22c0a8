"""A refusal of the edge's own, in the form that every refusal of the HTTP interface has."""

import json
from typing import Final

__all__ = ["refusal"]

# What programs match, by status.
_CODES: Final = {
    400: "bad_handshake",
    403: "refused",
    405: "method_not_allowed",
    426: "upgrade_required",
    429: "too_many_connections",
    500: "internal_error",
}

Headers = list[tuple[bytes, bytes]]


def refusal(status: int, problem: str) -> tuple[Headers, bytes]:
    """Headers and body that say what is wrong."""
    error = {"code": _CODES[status], "message": f"{problem[0].upper()}{problem[1:]}."}
    body = json.dumps({"error": error}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"cache-control", b"no-store"),
        (b"content-length", str(len(body)).encode()),
    ]
    return headers, body
