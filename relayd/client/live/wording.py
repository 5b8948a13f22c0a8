"""The protocol's codes in words for people, and which of them another attempt may mend."""

from typing import Final

__all__ = ["AGAIN", "UNPROVEN", "told"]

# What the far end says of who we are; a fresh token may mend it, once.
UNPROVEN: Final = frozenset({"auth_failed", "auth_revoked"})

# What passes by itself: the stream is opened again.
AGAIN: Final = frozenset(
    {
        "disconnected",
        "idle_timeout",
        "internal_error",
        "server_draining",
        "service_unavailable",
        "session_limit",
        "slow_client",
        "unreachable",
        "upstream_closed",
        "upstream_unavailable",
    }
)

_TOLD: Final = {
    "completed": "Finished.",
    "auth_failed": "You are not signed in, or not any more: sign in again.",
    "auth_revoked": "This sign-in was ended, perhaps on another device: sign in again.",
    "insufficient_credits": "Your minutes are used up. Buy some more, then start again.",
    "credit_frozen": "Your minutes are frozen, because a payment is disputed.",
    "too_many_sessions": "Too many streams of this account are open: close one, or wait a minute.",
    "session_limit": "The longest time that one session may take is over.",
    "idle_timeout": "The session was closed because there was no sound for long.",
    "slow_client": "This computer took the words too slowly.",
    "upstream_unavailable": "The speech engine can't be reached.",
    "upstream_closed": "The speech engine went away.",
    "service_unavailable": "The server's accounts can't be reached.",
    "server_draining": "The server restarts.",
    "internal_error": "The server made a mistake.",
    "unreachable": "The server can't be reached. Check the network and the address.",
    "disconnected": "The connection was lost.",
}


def told(code: str, message: str = "") -> str:
    """A sentence for what may pass by itself; the far end's own where we have none."""
    return _TOLD.get(code) or message or f"It ended: {code}."
