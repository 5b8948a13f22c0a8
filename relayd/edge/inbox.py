"""What comes for one application call, within what its route takes of a body."""

from collections.abc import Callable
from typing import Any, Final

import attrs
import trio

from relayd import logs
from relayd.edge.body import BodyPolicy, BodyTooLarge, BodyTooSlow, StreamedBody
from relayd.errors import ClientGone

__all__ = ["INBOX_PARTS", "Inbox", "open_inbox"]

log = logs.get(__name__)

# Body parts of 16 KiB that wait for the application; with the read under way 80 KiB.
INBOX_PARTS: Final = 4

# A sender of a streamed body has the seconds of its policy for each of these.
_PROGRESS_BYTES: Final = 65_536

_NO_BODY: Final = {"type": "http.request", "body": b"", "more_body": False}


@attrs.define(eq=False)
class Inbox:
    """ASGI's events for one call. Never blocks a reader whose application is done.

    ``ended`` is called at the end of the body.
    """

    policy: BodyPolicy
    ended: Callable[[], object]
    sender: trio.MemorySendChannel[Any]
    receiver: trio.MemoryReceiveChannel[Any]
    # Of a streamed one; it takes the place of the parts.
    body: StreamedBody | None
    # How long its sender may still take for what makes the next progress.
    patience_seconds: float
    # Whether the client did, before the application was done.
    left: bool = False
    # Whether no more of the body is taken, before its end.
    refused: bool = False
    whole: bool = False
    _bytes: int = 0
    _credited_bytes: int = 0

    @property
    def streaming(self) -> bool:
        """Whether parts of a streamed body are still to come."""
        return self.body is not None and not self.whole and not self.refused

    async def put(self, event: Any) -> None:
        """Queue a body part; a disconnect overtakes nothing, but needs no room either."""
        if event["type"] == "http.disconnect":
            self.left = True
            self.sender.close()
            if self.body is not None:
                self.body.end(ClientGone("the client left before the end of its body"))
            return
        if self.refused:
            return
        if not event["more_body"]:
            self.whole = True
            self.ended()
        self._count(len(event["body"]))
        try:
            if self.body is None:
                # Also the part that is too much: the framework says so in its own words.
                await self.sender.send(event)
            elif self.whole:
                self.body.end()
            else:
                await self.body.put(event["body"])
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            log.debug("body part dropped")

    def _count(self, more_bytes: int) -> None:
        self._bytes += more_bytes
        if self._bytes > self.policy.bytes_max:
            self._refuse(BodyTooLarge(self.policy.bytes_max))
        elif self._bytes - self._credited_bytes >= _PROGRESS_BYTES:
            self._credited_bytes = self._bytes
            self.patience_seconds = self.policy.seconds

    def too_slow(self) -> None:
        """Patience is at its end: whoever takes the body hears of it."""
        self._refuse(BodyTooSlow())

    def _refuse(self, fault: Exception) -> None:
        self.refused = True
        if self.body is not None:
            self.body.end(fault)

    def close(self) -> None:
        """The application is done."""
        self.receiver.close()
        if self.body is not None:
            self.body.abandon()

    async def receive(self) -> Any:
        """ASGI's receive. To a framework a streamed body looks empty."""
        try:
            return await self.receiver.receive()
        except trio.EndOfChannel:
            return {"type": "http.disconnect"}


def open_inbox(policy: BodyPolicy, ended: Callable[[], object], parts: int = INBOX_PARTS) -> Inbox:
    """One for a request to a route with this policy, with room for so many parts."""
    sender, receiver = trio.open_memory_channel[Any](parts)
    body = None
    if policy.streamed:
        body = StreamedBody.make()
        sender.send_nowait(_NO_BODY)
    return Inbox(policy, ended, sender, receiver, body, policy.seconds)
