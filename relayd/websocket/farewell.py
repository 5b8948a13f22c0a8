"""How a WebSocket ended."""

import enum

import attrs

__all__ = ["Cause", "Farewell", "WebSocketClosed"]


class Cause(enum.Enum):
    """What ended the peer's half of a connection."""

    CLOSED = enum.auto()
    # It broke the protocol, and was told so.
    BREACH = enum.auto()
    # It hung up, or the connection broke.
    LOST = enum.auto()
    # It took nothing for too long.
    STALLED = enum.auto()
    # It answered no ping.
    SILENT = enum.auto()


@attrs.frozen
class Farewell:
    """The end of the peer's half: its close code, or ours for a breach, or 1006."""

    cause: Cause
    code: int
    reason: str


class WebSocketClosed(Exception):  # noqa: N818 - named for what happened, as trio names its own
    """The connection is over, or being closed; `WebSocket.farewell` says how it ended."""
