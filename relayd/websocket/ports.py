"""A wire, as the connection that it belongs to sees it, and as the pump that works it off does.

Declarations only, so that neither side knows the other and imports point one way.
"""

from typing import Protocol

import trio

__all__ = ["Pumped", "Wire", "WireOwner"]


class WireOwner(Protocol):
    """Who a wire belongs to. Nothing here may wait."""

    def heard(self, data: bytes) -> bool:
        """Take what was read (nothing: the end); whether `go_on` has more of it to do."""

    def go_on(self) -> bool:
        """Work on at what was heard; whether there is still more to do."""

    def lost(self) -> None:
        """Reading failed: the connection broke."""

    def drained(self) -> None:
        """What waited to be sent is out, or never will be (`Wire.broken`)."""

    def hung_up(self) -> None:
        """The other end left, unnoticed by anybody who reads, because nobody does."""


class Wire(Protocol):
    """One connection's bytes."""

    # What it runs over.
    stream: trio.abc.Stream
    # Whether the owner wants to hear.
    reading: bool
    # Nothing more can be sent.
    broken: bool
    # Since when something waits to be sent; None while nothing does.
    waiting_since: float | None

    @property
    def holds_unread(self) -> bool:
        """Whether something came that nobody has read. Streams in memory don't say."""

    def send_at_once(self, data: bytes) -> bool:
        """Send if nothing waits before it and part of it is taken now; False: nothing was sent."""

    def push(self, data: bytes) -> None:
        """Send now or as soon as can be, behind what waits. Bounded by who calls."""

    def listen(self) -> None:
        """Tell the owner what comes, until ``reading`` is set back."""

    def end(self) -> None:
        """Say that nothing more will be sent, where the transport can."""

    def close(self, *, reset: bool = False) -> None:
        """Close at once. With ``reset``, what the peer has not read is dropped."""


class Pumped(Protocol):
    """A socket that stands in the pump's epoll object."""

    # The descriptor; -1 once it is closed.
    number: int

    def work(self, events: int) -> None:
        """Do what epoll found that can be done."""

    def work_on(self) -> None:
        """Go on where the last turn left off."""

    def close(self) -> None:
        """Leave the pump and close at once."""
