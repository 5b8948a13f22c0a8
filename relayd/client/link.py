"""The connection under a stream: every send and every silence under a deadline.

trio-websocket has no deadlines of its own while a session runs, and a cancelled send leaves it
wedged though it says open. So one broken promise cuts the socket, and the reader hears why.
"""

from collections import deque
from typing import Final

import attrs
import trio
import trio_websocket

from relayd.client.errors import DisconnectedError

__all__ = ["Deadlines", "Link"]

_ABNORMAL: Final = 1006


@attrs.frozen
class Deadlines:
    """How long each wait may last, in seconds."""

    # TCP and TLS; then the WebSocket handshake again as long.
    connect_seconds: float = 10
    # From the auth message to `ready`: the server opens its engine meanwhile.
    ready_seconds: float = 30
    # One frame of audio into the socket.
    send_seconds: float = 10
    # A silent server is pinged after the first, and given up for lost after the second.
    quiet_seconds: float = 15
    pong_seconds: float = 15
    # From `stop` to the end of the session.
    finish_seconds: float = 30
    # Closing handshake.
    close_seconds: float = 2


@attrs.define(eq=False)
class Link:
    """One WebSocket connection that keeps its deadlines."""

    connection: trio_websocket.WebSocketConnection
    deadlines: Deadlines
    _problem: str | None = attrs.field(init=False, default=None)
    _broken: trio.Event = attrs.field(init=False, factory=trio.Event)
    _finishing: trio.Event = attrs.field(init=False, factory=trio.Event)
    # When each message that is going out was given: the oldest first, as they go one by one.
    _sending_since: deque[float] = attrs.field(init=False, factory=deque)
    _waiting: bool = attrs.field(init=False, default=False)
    _heard_at: float = attrs.field(init=False, factory=trio.current_time)

    @property
    def open(self) -> bool:
        """Whether anything may still be sent."""
        return self._problem is None and self.connection.closed is None

    async def say(self, message: str | bytes) -> bool:
        """Send one message; False if the connection is closed, or now had to be cut."""
        if not self.open:
            await trio.lowlevel.checkpoint()
            return False
        whole = False
        self._sending_since.append(trio.current_time())
        try:
            await self.connection.send_message(message)
            whole = True
        except trio_websocket.ConnectionClosed:
            return False
        finally:
            self._sending_since.popleft()
            if not whole and self.connection.closed is None:
                # Part of a frame may be out: no other can follow it.
                self._cut("a message was broken off")
        return True

    async def hear(self) -> str | bytes:
        """The next message, as it came. Cancel-safe."""
        self._waiting = True
        try:
            message = await self.connection.get_message()
        except trio_websocket.ConnectionClosed as error:
            code = error.reason.code if error.reason is not None else _ABNORMAL
            problem = self._problem or f"the server closed the connection (code {code})"
            if code == _ABNORMAL and self._problem is None:
                problem = "the connection was lost"
            raise DisconnectedError(problem, code) from error
        finally:
            self._waiting = False
        self._heard_at = trio.current_time()
        return message

    def expect_end(self) -> None:
        """From now on the session must end within its deadline."""
        self._finishing.set()

    async def close_code(self) -> int:
        """The code the server closes with, after its last message; 1006 if it does not close."""
        try:
            with trio.move_on_after(self.deadlines.close_seconds):
                while True:
                    await self.connection.get_message()
        except trio_websocket.ConnectionClosed as error:
            return error.reason.code if error.reason is not None else _ABNORMAL
        return _ABNORMAL

    async def hang_up(self) -> None:
        """Closing handshake, if the server did not begin it already."""
        if self.open:
            with trio.move_on_after(self.deadlines.close_seconds):
                await self.connection.aclose()

    async def limit_sends(self) -> None:
        """Cut the socket where a message takes too long to go out.

        One task for all of them: a cancel scope for each costs half as much as its framing.
        """
        most = self.deadlines.send_seconds
        while self.open:
            now = trio.current_time()
            since = self._sending_since[0] if self._sending_since else now
            if now >= since + most:
                self._cut(f"the server took no data for {most:g} s")
            else:
                # Whatever begins meanwhile is due later.
                await trio.sleep_until(since + most)

    async def cut_when_broken(self, transport: trio.abc.Stream) -> None:
        """Close the socket once a promise was broken; that wakes the reader."""
        await self._broken.wait()
        await trio.aclose_forcefully(transport)

    async def watch(self) -> None:
        """Ping a server that says nothing. Only while the app listens: pongs come in order."""
        while self.open:
            await trio.sleep(self.deadlines.quiet_seconds)
            asked_at = trio.current_time()
            quiet = asked_at - self._heard_at >= self.deadlines.quiet_seconds
            if not (self._waiting and quiet) or await self._answers():
                continue
            # Words may have come while the pong did not: then it is alive.
            if self._waiting and self._heard_at < asked_at:
                self._cut("the server does not answer any more")

    async def _answers(self) -> bool:
        """Whether a pong comes in time; True too where the connection closes by itself."""
        with trio.move_on_after(self.deadlines.pong_seconds):
            try:
                await self.connection.ping()
                self._heard_at = trio.current_time()
            except trio_websocket.ConnectionClosed:
                await trio.lowlevel.checkpoint()
            return True
        return False

    async def enforce_end(self) -> None:
        """After a stop, don't wait for the ending for ever."""
        await self._finishing.wait()
        await trio.sleep(self.deadlines.finish_seconds)
        self._cut(f"the session did not end within {self.deadlines.finish_seconds:g} s")

    def _cut(self, problem: str) -> None:
        self._problem = self._problem or problem
        self._broken.set()
