"""Signatures by Standard Webhooks 1.0.0 (standardwebhooks.com), symmetric. Pure."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Final

__all__ = ["fresh_secret", "signed_headers"]

_PREFIX: Final = "whsec_"
# The specification wants 24 to 64.
_SECRET_BYTES: Final = 32


def fresh_secret() -> str:
    """A new one, as its owner sees it."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signed_headers(secret: str, message_id: str, at: int, body: bytes) -> Mapping[str, str]:
    """The headers of a message. ``at``: when this attempt is made, in whole seconds since 1970."""
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    content = f"{message_id}.{at}.".encode() + body
    signature = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    return {
        "Content-Type": "application/json",
        "Webhook-Id": message_id,
        "Webhook-Timestamp": str(at),
        "Webhook-Signature": f"v1,{signature}",
    }
