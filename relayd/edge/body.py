"""What of a request's body is taken: how much, how fast, and in what way it reaches its view.

A streamed body reaches its view through the scope's extension ``relayd.body``, because frameworks
gather what ASGI's `receive` gives them as fast as it comes.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext

import attrs
import trio

__all__ = ["BodyPolicy", "BodyRules", "BodyTooLarge", "BodyTooSlow", "StreamedBody"]


@attrs.frozen
class BodyPolicy:
    """A route's own bounds.

    ``streamed``: the view takes it piece by piece, and what it does not take yet stays with its
    sender. Else it is whole in memory before the view gets it.

    ``seconds``: from the end of the head to the end of the body. Of a streamed one, for each
    64 KiB of it, the time not counted in which the view is what is slow.

    ``answer_seconds``: what the view may still take after the end of the body; None for what any
    request may.

    ``at_once``: requests that the application has at a time, where anybody may send them; those
    that wait take what their connection does, a third of it.
    """

    bytes_max: int
    seconds: float
    streamed: bool = False
    answer_seconds: float | None = None
    at_once: int | None = None


_USUAL = BodyPolicy(bytes_max=1_048_576, seconds=60)


@attrs.frozen
class BodyRules:
    """Those of an application. ``of``: the policy for a method and a path, unquoted.

    ``too_large``: what a refusal says to whom announces more than so many bytes, in JSON.
    """

    of: Callable[[str, str], BodyPolicy] = lambda _method, _path: _USUAL
    too_large: Callable[[int], bytes] = lambda _bytes_max: b""
    _turns: dict[BodyPolicy, trio.CapacityLimiter] = attrs.field(factory=dict)

    def turn(self, policy: BodyPolicy) -> AbstractAsyncContextManager[object]:
        """What a request with this policy enters before its application is called."""
        if policy.at_once is None:
            return nullcontext()
        limiter = self._turns.get(policy)
        if limiter is None:
            limiter = self._turns[policy] = trio.CapacityLimiter(policy.at_once)
        return limiter


class BodyTooLarge(Exception):  # noqa: N818 - what a client did, not an error
    """More came than the policy's ``bytes_max``."""

    def __init__(self, bytes_max: int) -> None:
        super().__init__()
        self.bytes_max = bytes_max


class BodyTooSlow(Exception):  # noqa: N818 - likewise
    """Too little came for too long."""


@attrs.define(eq=False)
class StreamedBody:
    """What ``scope["extensions"]["relayd.body"]`` is: parts that wait for who takes them."""

    _sender: trio.MemorySendChannel[bytes]
    _receiver: trio.MemoryReceiveChannel[bytes]
    _fault: Exception | None = None
    _over: bool = False
    _abandoned: bool = False
    # Set when somebody takes, or nobody will.
    _asked: trio.Event = attrs.field(factory=trio.Event)

    @classmethod
    def make(cls) -> "StreamedBody":
        """An empty one. Without room: the socket is not read while a part waits."""
        return cls(*trio.open_memory_channel[bytes](0))

    async def take(self) -> bytes:
        """The next part, of 16 KiB at most; empty at the end of the body.

        Raises `BodyTooLarge`, `BodyTooSlow`, or `ClientGone` where its sender left before the end.
        """
        self._asked.set()
        try:
            return await self._receiver.receive()
        except trio.EndOfChannel:
            if self._fault is not None:
                raise self._fault from None
            return b""

    async def asked(self) -> None:
        """Wait until somebody takes the next part. Before that none is read: it would be held."""
        while not (self._abandoned or self._receiver.statistics().tasks_waiting_receive):
            self._asked = trio.Event()
            await self._asked.wait()

    async def put(self, part: bytes) -> None:
        """Wait until this part is taken. Raises `trio.BrokenResourceError` when nobody will."""
        if not self._over:
            await self._sender.send(part)

    def end(self, fault: Exception | None = None) -> None:
        """No more parts, for this reason; the first end counts."""
        if not self._over:
            self._over, self._fault = True, fault
            self._sender.close()

    def abandon(self) -> None:
        """Nobody takes any more."""
        self._abandoned = True
        self._receiver.close()
        self._asked.set()
