"""The pump: one task that works off the sockets of all WebSockets that are ready, in a row.

Each socket stands in one epoll object, and Trio waits for that object. Audio is read, cut into
frames, admitted and written to the engine within one call, results the other way, so that a
frame costs no switch of task; the tasks of a session sleep until something else happens for them.

The object is level-triggered: what a turn leaves unread is reported again. Nobody is starved: a
socket is read once a turn and gives so many messages, a turn works off so many sockets, and between
two turns every other task of the daemon has its own.
"""

import select
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import trio

from relayd import logs
from relayd.websocket.keepalive import Keepalive
from relayd.websocket.pace import Pace
from relayd.websocket.ports import Pumped
from relayd.websocket.ticks import Ticks

__all__ = ["Pump", "open_pump"]

log = logs.get(__name__)

# Sockets that a turn works off: at some 25 microseconds each, 3 ms.
TURN_SOCKETS: Final = 128


class Pump:
    """The sockets of all WebSockets of one run. Made by `open_pump`."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.keepalive = Keepalive()
        self._nursery = nursery
        self._epoll = select.epoll()
        self._wires: dict[int, Pumped] = {}
        # What epoll can't know of: there is more to do for what was read already.
        self._again: list[Pumped] = []
        self._turning = False
        self._pace = Pace(trio.current_time())
        self._ticks = Ticks()

    async def run(self) -> None:
        """Until cancelled: wait for sockets, and work them off."""
        try:
            while True:
                if self._again:
                    await trio.lowlevel.checkpoint()
                elif self._pace.nap_seconds:
                    await self._ticks.wait()
                else:
                    await trio.lowlevel.wait_readable(self._epoll.fileno())
                self._turn()
        finally:
            self._ticks.close()
            self._epoll.close()

    def _turn(self) -> None:
        # A fault of ours ends that connection and nothing else.
        began = trio.current_time()
        self._turning = True
        again, self._again = self._again, []
        for wire in again:
            try:
                wire.work_on()
            except Exception:
                log.exception("connection failed")
                wire.close()
        ready = self._epoll.poll(0, TURN_SOCKETS)
        for number, events in ready:
            # One that was worked off before it in this turn may have closed it.
            one = self._wires.get(number)
            if one is not None:
                try:
                    one.work(events)
                except Exception:
                    log.exception("connection failed")
                    one.close()
        self._turning = False
        if self._pace.count(len(ready), began, trio.current_time()):
            self._ticks.set(self._pace.nap_seconds)

    def ask(self, wire: Pumped, events: int, *, before: int) -> None:
        """Watch a wire for these events; for none, not at all."""
        if self._epoll.closed:
            # The run is over, and with it every connection.
            return
        if not before:
            self._wires[wire.number] = wire
            self._epoll.register(wire.number, events)
        elif events:
            self._epoll.modify(wire.number, events)
        else:
            del self._wires[wire.number]
            self._epoll.unregister(wire.number)

    def again(self, wire: Pumped) -> None:
        """Come back to a wire in the next turn, whatever epoll says."""
        self._again.append(wire)
        if not self._turning:
            self.spawn(self._turn_soon)

    async def _turn_soon(self) -> None:
        while self._again and not self._epoll.closed:
            self._turn()
            await trio.lowlevel.checkpoint()

    def spawn(self, job: Callable[[], Awaitable[None]]) -> None:
        """Run something beside the connections, guarded."""
        self._nursery.start_soon(_guarded, job)


async def _guarded(job: Callable[[], Awaitable[None]]) -> None:
    try:
        await job()
    except Exception:
        log.exception("connection failed")


@asynccontextmanager
async def open_pump() -> AsyncIterator[Pump]:
    """A pump that runs while entered; leaving it ends what still runs beside it."""
    async with trio.open_nursery() as nursery:
        pump = Pump(nursery)
        nursery.start_soon(pump.run)
        nursery.start_soon(pump.keepalive.run)
        yield pump
        nursery.cancel_scope.cancel()
