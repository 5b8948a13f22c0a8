"""Pings quiet WebSockets and ends those whose peer does not answer.

One task for the whole door instead of one per connection: a live session sends audio ten times a
second and never needs a ping, so a task each (6 KiB and a timer) would be spent on nothing.
"""

from typing import Final, Protocol

import attrs
import trio

__all__ = ["BEAT_SECONDS", "Keepalive"]

# Added to each deadline at worst: 10 s + 10 s become 21 s. A client that left behind audio which
# nobody reads is found by a beat and the grace of `hangup`: 1 s.
BEAT_SECONDS: Final = 0.5


class Member(Protocol):
    """A connection under watch."""

    def beat(self, now: float) -> None:
        """Ping, or end, if it is due. Must not raise."""


@attrs.define(eq=False)
class Keepalive:
    """The connections under watch. `run` is owned by the door's nursery."""

    _members: set[Member] = attrs.field(factory=set)
    _wanted: trio.Event = attrs.field(factory=trio.Event)

    def join(self, member: Member) -> None:
        """Watch a connection until it leaves."""
        self._members.add(member)
        self._wanted.set()

    def leave(self, member: Member) -> None:
        """Stop watching it."""
        self._members.discard(member)

    async def run(self) -> None:
        """Until cancelled: beats for everyone; asleep while there is no one."""
        while True:
            if not self._members:
                self._wanted = trio.Event()
                await self._wanted.wait()
            await trio.sleep(BEAT_SECONDS)
            now = trio.current_time()
            for member in tuple(self._members):
                member.beat(now)
