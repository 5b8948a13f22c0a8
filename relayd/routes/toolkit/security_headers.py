"""What a browser is told about every answer: what it may load, who may frame it, what to guess.

Set where nothing else was said, so that a route may be stricter or must say why it is not.
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from quart import Response, request

__all__ = ["harden", "page_policy"]

# Of an answer that is no page: nothing in it is ever run, loaded or framed.
_DATA_POLICY: Final = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"
_HEADERS: Final = {
    # Tokens, balances and health: nothing here is for a cache or for a guess at its type.
    "Cache-Control": "no-store",
    "Content-Security-Policy": _DATA_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "microphone=(self), camera=(), display-capture=(), geolocation=(), payment=(), usb=()"
    ),
    # The return from a payment has its number in the address.
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    # For browsers that don't know frame-ancestors.
    "X-Frame-Options": "DENY",
}
# A year; of this host alone, the operator's others are none of our business.
_STRICT_TRANSPORT: Final = "max-age=31536000"


def harden(response: Response, own_origins: Sequence[str]) -> Response:
    """Add what the answer does not say itself."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if own_origins and all(origin.startswith("https://") for origin in own_origins):
        response.headers.setdefault("Strict-Transport-Security", _STRICT_TRANSPORT)
    return response


def page_policy(own_origins: Sequence[str]) -> str:
    """The Content-Security-Policy of a page (W3C CSP, level 3).

    'self' covers WebSockets of the own host in newer browsers only, so these are named.
    """
    sockets = " ".join(
        f"{'wss' if own.scheme == 'https' else 'ws'}://{own.netloc}"
        for own in map(urlsplit, own_origins)
        if own.netloc == request.host
    )
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            f"connect-src 'self' {sockets}".rstrip(),
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        )
    )
