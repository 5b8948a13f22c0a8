"""Which end of a connection this is, and how long it waits for the other."""

import enum

import attrs

__all__ = ["Role", "Timeouts"]


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
