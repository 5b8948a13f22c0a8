"""The watch of a door: what all its WebSockets share."""

from collections.abc import Awaitable, Callable

import attrs

from relayd.edge.hangup import Hangups
from relayd.edge.keepalive import Keepalive
from relayd.edge.settings import EdgeSettings

__all__ = ["Watch"]


@attrs.frozen
class Watch:
    """The settings, the two watchers, and a way to run something beside the session."""

    settings: EdgeSettings
    keepalive: Keepalive
    hangups: Hangups
    # Runs something in the door's nursery, guarded.
    spawn: Callable[[Callable[[], Awaitable[None]]], None]
