"""Which end of a connection this is, and how long it waits for the other."""

import enum
from typing import Final

import attrs

__all__ = ["GRACE_SECONDS", "LAST_WORDS_SECONDS", "Role", "Timeouts"]


class Role(enum.Enum):
    """Who opened the connection. A client masks what it sends."""

    SERVER = enum.auto()
    CLIENT = enum.auto()


@attrs.frozen
class Timeouts:
    """Seconds: how long a peer may be silent, be owing a pong, take nothing, and not close."""

    ping_seconds: float
    pong_seconds: float
    send_seconds: float
    close_seconds: float


# A connection that takes nothing any more has nothing more to say either, after this.
LAST_WORDS_SECONDS: Final = 1.0
# While nobody reads, a peer that hung up is given this long: a reader may come back meanwhile
# and find the end by itself, behind what the peer said last.
GRACE_SECONDS: Final = 0.5
