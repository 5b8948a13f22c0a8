"""Where browsers find this server: the origins of its own pages. Pure."""

from collections.abc import Sequence
from urllib.parse import urlsplit

__all__ = ["own_origins"]


def own_origins(public_url: str, urls: Sequence[str]) -> tuple[str, ...]:
    """As scheme, host and port (RFC 6454): of the public URL, or else of where it listens.

    People type localhost for 127.0.0.1, and to a browser these are two.
    """
    parts = [urlsplit(url) for url in ([public_url] if public_url else urls)]
    found = [f"{part.scheme}://{part.netloc}" for part in parts]
    for part in parts:
        if part.hostname in {"127.0.0.1", "::1"}:
            port = "" if part.port is None else f":{part.port}"
            found.append(f"{part.scheme}://localhost{port}")
    return tuple(dict.fromkeys(found))
