"""A wire over any Trio stream that is no socket: two small tasks do what epoll does for one."""

import trio

from relayd.websocket import streams
from relayd.websocket.ports import WireOwner
from relayd.websocket.pump import Pump
from relayd.websocket.streams import LOST, READ_BYTES

__all__ = ["StreamWire"]


class StreamWire:
    """Any Trio stream: what the pump does for a socket, two tasks do here."""

    def __init__(self, stream: trio.abc.Stream, pump: Pump, owner: WireOwner) -> None:
        self.stream = stream
        self.reading = False
        self.broken = False
        self.waiting_since: float | None = None
        self.holds_unread = False
        self._owner = owner
        self._rest = b""
        # Where the two tasks sleep while there is nothing to do.
        self._deaf = trio.lowlevel.ParkingLot()
        self._mute = trio.lowlevel.ParkingLot()
        self._hearing = trio.CancelScope()
        self._saying = trio.CancelScope()
        pump.spawn(self._hear)
        pump.spawn(self._say)

    def send_at_once(self, data: bytes) -> bool:
        """Take it, if nothing waits before it."""
        if self.waiting_since is not None or self.broken:
            return False
        self._rest = data
        self.waiting_since = trio.current_time()
        self._mute.unpark_all()
        return True

    def push(self, data: bytes) -> None:
        """Send now or behind what waits."""
        if not self.send_at_once(data) and not self.broken:
            self._rest += data

    def listen(self) -> None:
        """Hear, from here on."""
        self.reading = True
        self._deaf.unpark_all()

    async def _hear(self) -> None:
        with self._hearing:
            while True:
                await trio.lowlevel.checkpoint()
                while not self.reading:
                    await self._deaf.park()
                try:
                    data = bytes(await self.stream.receive_some(READ_BYTES))
                except LOST:
                    self._owner.lost()
                    return
                more = self._owner.heard(data)
                if not data:
                    return
                while more:
                    await trio.lowlevel.checkpoint()
                    more = self._owner.go_on()

    async def _say(self) -> None:
        with self._saying:
            while not self.broken:
                while not self._rest:
                    await self._mute.park()
                try:
                    while self._rest:
                        data, self._rest = self._rest, b""
                        await self.stream.send_all(data)
                except LOST:
                    self.broken = True
                self.waiting_since = None
                self._owner.drained()

    def end(self) -> None:
        """End our half, where it can be ended by itself."""
        close = getattr(getattr(self.stream, "send_stream", None), "close", None)
        if close is not None:
            close()

    def close(self, *, reset: bool = False) -> None:
        """End both tasks, and the stream."""
        self.reading = False
        self.broken = True
        self.waiting_since = None
        self._hearing.cancel()
        self._saying.cancel()
        streams.cut(self.stream, reset=reset)
