"""Notices that a peer hung up although nobody reads from it.

While an engine stalls the session reads nothing, so neither FIN nor RST reaches it, and unread
audio hides them anyway. One epoll object watches every WebSocket's descriptor for exactly that
(EPOLLRDHUP), apart from Trio's own; it costs nothing until somebody hangs up.
"""

import select
from collections.abc import Callable
from typing import Final, Protocol

import attrs
import trio

from relayd import logs

__all__ = ["EpollHangups", "Hangups"]

log = logs.get(__name__)

# A connection that is being read normally finds the end by itself within this.
GRACE_SECONDS: Final = 0.5

_EVENTS: Final = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR | select.EPOLLONESHOT


class Hangups(Protocol):
    """Watches descriptors; each callback comes at most once."""

    def watch(self, descriptor: int, hung_up: Callable[[], object]) -> None:
        """Call back some time after the peer of this descriptor hung up."""

    def forget(self, descriptor: int, hung_up: Callable[[], object]) -> None:
        """Stop watching; must come before the descriptor is closed."""


@attrs.define(eq=False)
class EpollHangups:
    """The real one, for the whole door. `run` is owned by the door's nursery."""

    _epoll: select.epoll = attrs.field(factory=select.epoll)
    _watched: dict[int, Callable[[], object]] = attrs.field(factory=dict)

    def watch(self, descriptor: int, hung_up: Callable[[], object]) -> None:
        """Watch this descriptor."""
        self._watched[descriptor] = hung_up
        try:
            self._epoll.register(descriptor, _EVENTS)
        except FileExistsError:
            self._epoll.modify(descriptor, _EVENTS)

    def forget(self, descriptor: int, hung_up: Callable[[], object]) -> None:
        """Stop, unless the number already belongs to a newer connection."""
        if self._watched.get(descriptor) == hung_up:
            del self._watched[descriptor]
            try:
                self._epoll.unregister(descriptor)
            except (OSError, ValueError) as problem:
                # Closed meanwhile: the kernel forgot it by itself.
                log.debug("descriptor was gone", descriptor=descriptor, problem=problem)

    async def run(self) -> None:
        """Until cancelled: wait for hang-ups, let the readers find them, tell the rest."""
        try:
            async with trio.open_nursery() as nursery:
                while True:
                    await trio.lowlevel.wait_readable(self._epoll.fileno())
                    found = [
                        (descriptor, self._watched[descriptor])
                        for descriptor, _ in self._epoll.poll(0)
                        if descriptor in self._watched
                    ]
                    nursery.start_soon(self._tell, found)
        finally:
            self._epoll.close()

    async def _tell(self, found: list[tuple[int, Callable[[], object]]]) -> None:
        await trio.sleep(GRACE_SECONDS)
        for descriptor, hung_up in found:
            if self._watched.get(descriptor) == hung_up:
                self.forget(descriptor, hung_up)
                hung_up()
