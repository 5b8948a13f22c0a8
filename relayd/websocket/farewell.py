"""How a WebSocket ended."""

import enum
from collections.abc import Callable, Iterable

import attrs

from relayd import logs

__all__ = ["Cause", "Farewell", "WebSocketClosed", "tell"]

log = logs.get(__name__)


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


def tell(callbacks: Iterable[Callable[[], object]]) -> None:
    """Tell everybody who asked; a fault of one is logged, and keeps it from nobody else."""
    for callback in callbacks:
        try:
            callback()
        except Exception:
            log.exception("callback failed")
