"""The forms of what sales need: keys of Stripe, packages, currencies. See `relayd.config.forms`."""

import re
from typing import Final

from relayd.config.forms import is_loopback, split_url

__all__ = [
    "api_url",
    "contact",
    "currency",
    "label",
    "optional_label",
    "package_id",
    "page",
    "price_id",
    "stripe_key",
    "webhook_secret",
]

_LABEL_LENGTH_MAX: Final = 100


def api_url(text: str) -> str | None:
    """Where a web API is. Keys never cross a network unencrypted."""
    parts = split_url(text)
    if parts is None or parts.scheme not in {"http", "https"}:
        return 'must be an https URL, for example "https://api.stripe.com"'
    if "@" in parts.netloc or parts.path.strip("/") or parts.query or parts.fragment:
        return "must end after the host and port"
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        return "http:// sends the key unencrypted: use https:// (http:// only to loopback)"
    return None


def stripe_key(text: str) -> str | None:
    """A key that may do things, not one for web pages."""
    if text.startswith(("pk_", "whsec_")) or not (text.isascii() and text.isprintable()):
        return "must be the secret key (sk_…) or a restricted one (rk_…) of your Stripe account"
    return None


def webhook_secret(text: str) -> str | None:
    """A signing secret; anybody could sign with an empty one."""
    if not text.strip() or text.startswith(("sk_", "rk_", "pk_", "we_")):
        return "must be the signing secret (whsec_…) that Stripe shows for the webhook endpoint"
    return None


def price_id(text: str) -> str | None:
    """A price of Stripe's, or none."""
    if re.fullmatch(r"(price_[A-Za-z0-9_]{1,200})?", text):
        return None
    return "must be the id that Stripe shows with the price (price_…); not that of its product"


def package_id(text: str) -> str | None:
    """A name for programs."""
    if re.fullmatch(r"[a-z0-9_]{1,40}", text):
        return None
    return 'must be 1 to 40 small letters, digits and _, for example "pack_500"'


def label(text: str) -> str | None:
    """A name for people, on one line."""
    if text.strip() and text.isprintable() and len(text) <= _LABEL_LENGTH_MAX:
        return None
    return f"must be one line of 1 to {_LABEL_LENGTH_MAX} characters"


def currency(text: str) -> str | None:
    """A currency as Stripe names it."""
    if re.fullmatch(r"[a-z]{3}", text):
        return None
    return 'must be a currency in three small letters, for example "usd"'


def optional_label(text: str) -> str | None:
    """A name for people, or none."""
    return label(text) if text else None


def page(text: str) -> str | None:
    """A page on the web that a link leads to, or none."""
    parts = split_url(text)
    if not text or (parts is not None and parts.scheme in {"http", "https"}):
        return None
    return 'must be an http or https URL, for example "https://example.org/terms"'


def contact(text: str) -> str | None:
    """An email address, a page on the web, or none."""
    if page(text) is None or re.fullmatch(r"[^\s@/?&#]+@[^\s@/?&#]+\.[^\s@/?&#]+", text):
        return None
    return (
        "must be an email address or an http or https URL, "
        'for example "help@example.org" or "https://example.org/contact"'
    )
