"""What the client is to be told, and the one task that tells it.

Saying is synchronous and never waits, so that neither the engine nor the money ever
waits for a client's socket. What the socket takes at once is sent in the saying; only what it
does not take is queued for the writer. A client that doesn't keep up is cut.
"""

from collections.abc import Callable
from contextlib import suppress

import attrs
import trio

from relayd.errors import ClientGone
from relayd.session.dialect import Dialect, Texts
from relayd.session.endings import Ending
from relayd.session.limits import SessionLimits
from relayd.session.ports import Client

__all__ = ["Outbox"]


@attrs.define(eq=False)
class Outbox:
    """A bounded queue to the client and its writer.

    ``gone`` is called when the client left, ``slow`` when it does not take what it is told.
    """

    client: Client
    dialect: Dialect
    ending: Ending
    limits: SessionLimits
    gone: Callable[[], object]
    slow: Callable[[], object]
    _queue: trio.MemorySendChannel[str] = attrs.field(init=False)
    _taken: trio.MemoryReceiveChannel[str] = attrs.field(init=False)
    # Messages queued and not yet sent; where there are none, one may go past the queue.
    _waiting: int = 0
    _closed: bool = False
    _discarded: bool = False

    def __attrs_post_init__(self) -> None:
        self._queue, self._taken = trio.open_memory_channel[str](self.limits.outbox_messages)

    def say(self, messages: Texts) -> None:
        """Send each message if nothing waits before it, else queue it.

        A queue that is full is told to ``slow``, a closed one swallows it.
        """
        for message in messages:
            self._say(message)

    def _say(self, message: str) -> None:
        if not self._waiting and not self._closed and self.client.send_at_once(message):
            return
        try:
            self._queue.send_nowait(message)
            self._waiting += 1
        except trio.WouldBlock:
            self.slow()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass

    def close(self) -> None:
        """Nothing more will be said: the writer empties the queue and closes the connection."""
        self._closed = True
        self._queue.close()

    def discard(self) -> None:
        """Nobody is there to be told: drop what waits, and all that is said from here on."""
        self._discarded = True
        self.close()
        self._taken.close()

    async def write(self) -> None:
        """Send until the outbox is closed and empty, then close as the ending says."""
        with self._taken, suppress(trio.ClosedResourceError):
            async for message in self._taken:
                if not await self._send_all_from(message):
                    break
        if self._discarded:
            return
        assert self.ending.reason is not None
        closing = self.dialect.closing(self.ending.reason)
        with trio.move_on_after(self.limits.close_seconds):
            await self.client.close(closing.code, closing.text)

    async def _send_all_from(self, message: str) -> bool:
        """Send this message and those behind it; whether the client took them."""
        # All in one turn as far as the socket takes them: with one a turn, a busy loop would hear
        # more from the engine than it says here, and never come past the queue again.
        while self.client.send_at_once(message) or await self._send(message):
            self._waiting -= 1
            try:
                message = self._taken.receive_nowait()
            except (trio.WouldBlock, trio.EndOfChannel):
                return True
        return False

    async def _send(self, message: str) -> bool:
        try:
            with trio.fail_after(self.limits.send_seconds):
                await self.client.send(message)
        except trio.TooSlowError:
            self.slow()
        except ClientGone:
            self.gone()
        else:
            return True
        return False
