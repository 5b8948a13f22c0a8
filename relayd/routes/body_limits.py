"""How large a request's body may be: small everywhere but where a vendor says what comes."""

from typing import Any, Final

from quart_trio.wrappers import TrioRequest

__all__ = ["WEBHOOK_PATH", "LimitedRequest"]

WEBHOOK_PATH: Final = "/webhooks/stripe"
# A dispute's evidence is 150,000 characters at most, in JSON and in up to four bytes each.
_WEBHOOK_BYTES_MAX: Final = 1024 * 1024


class LimitedRequest(TrioRequest):
    """Quart-Trio's request. The limit must be known before the first byte of the body comes."""

    def __init__(
        self,
        method: str,
        scheme: str,
        path: str,
        *more: Any,
        max_content_length: int | None = None,
        **options: Any,
    ) -> None:
        limit = _WEBHOOK_BYTES_MAX if path == WEBHOOK_PATH else max_content_length
        super().__init__(method, scheme, path, *more, max_content_length=limit, **options)
