"""WebSockets whose apps have yet to say something: they wait here without a task each.

Anybody may open one and say nothing. The frames of an application's call and the tasks of a session
take 30 KiB; a guest on the doorstep is its socket, its decoder and a deadline. The call has
returned by then, and its request is forgotten. What was to be served starts when the first message
is there, when the peer left or its time is up: then it has a task, and finds out which it is.
"""

import heapq
from collections.abc import Awaitable, Callable

import attrs
import trio

from relayd import logs
from relayd.edge.clients import Stay
from relayd.edge.websocket import ClientSocket
from relayd.errors import ClientGone
from relayd.websocket import streams

__all__ = ["Doorstep", "Guest"]

log = logs.get(__name__)


@attrs.define(eq=False)
class Guest:
    """An open WebSocket, and what is to serve it. ``until``: when that starts at the latest."""

    websocket: ClientSocket
    serve: Callable[[], Awaitable[object]]
    until: float


@attrs.define(eq=False)
class Doorstep:
    """Those of one door. `run` is owned by the door's nursery, as what is served is."""

    _nursery: trio.Nursery
    _waiting: dict[int, tuple[Guest, Stay]] = attrs.field(factory=dict)
    # When to look, and for whom; who went in before is passed over.
    _deadlines: list[tuple[float, int]] = attrs.field(factory=list)
    _sleep: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    _cleared: bool = False
    _count: int = 0
    _entering: int = 0
    _entered: trio.Event = attrs.field(factory=trio.Event)

    def __len__(self) -> int:
        return len(self._waiting)

    async def run(self) -> None:
        """Until cancelled: serve each whose time is up."""
        while True:
            with trio.CancelScope() as self._sleep:
                self._look_out()
                await trio.sleep_forever()
            now = trio.current_time()
            while self._deadlines and self._deadlines[0][0] <= now:
                self._call_in(heapq.heappop(self._deadlines)[1])

    def _look_out(self) -> None:
        if self._deadlines:
            self._sleep.deadline = self._deadlines[0][0]

    def welcome(self, guest: Guest, stay: Stay) -> None:
        """Have it wait. The connection, and the places that it takes, are the doorstep's now."""
        self._count += 1
        number = self._count
        self._waiting[number] = guest, stay
        if self._cleared:
            self._call_in(number)
            return
        heapq.heappush(self._deadlines, (guest.until, number))
        self._look_out()
        guest.websocket.expect(lambda: self._call_in(number))

    def _call_in(self, number: int) -> None:
        guest, stay = self._waiting.pop(number, (None, None))
        if guest is not None and stay is not None:
            guest.websocket.expect_no_more()
            self._entering += 1
            self._nursery.start_soon(self._serve, guest, stay)

    async def clear(self) -> None:
        """Serve all that wait, now, and whoever still comes; return once the last one's began."""
        self._cleared = True
        for number in tuple(self._waiting):
            self._call_in(number)
        await self.empty()

    async def empty(self) -> None:
        """Wait until nobody waits any more."""
        while self._waiting or self._entering:
            await self._entered.wait()
            self._entered = trio.Event()

    async def _serve(self, guest: Guest, stay: Stay) -> None:
        self._entering -= 1
        self._entered.set()
        websocket = guest.websocket
        try:
            try:
                await guest.serve()
            except* ClientGone:
                log.debug("ended with its client", address=websocket.address)
            except* Exception:
                log.exception("application failed", address=websocket.address)
            await websocket.conclude()
        except* (trio.TooSlowError, *streams.LOST) as lost:
            log.debug("connection lost", address=websocket.address, problem=lost.exceptions[0])
        except* Exception:
            log.exception("connection failed", address=websocket.address)
        finally:
            streams.cut(websocket.stream)
            stay.end()

    def cut(self) -> None:
        """Cut everybody who waits."""
        waiting, self._waiting = self._waiting, {}
        for guest, stay in waiting.values():
            guest.websocket.release()
            stay.end()
