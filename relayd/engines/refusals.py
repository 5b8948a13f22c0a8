"""What a server's refusal says of how long to leave it alone, for streams and recordings."""

import email.utils
import time
from typing import Final

__all__ = ["BUSY", "retry_after"]

# It can't take more now. Gateways answer so while what is behind them restarts.
BUSY: Final = frozenset({408, 429, 502, 503, 504, 529})


def retry_after(value: str) -> float | None:
    """Seconds, written as such or as a date (RFC 9110, 10.2.3); None where it is neither."""
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        date = email.utils.parsedate_tz(value)
        return None if date is None else max(email.utils.mktime_tz(date) - time.time(), 0.0)
    except (ValueError, OverflowError):
        return None
