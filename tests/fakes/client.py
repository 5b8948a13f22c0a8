"""An app at the other end of a session, scripted, without a socket."""

import json
from collections.abc import Callable
from typing import Any

import attrs
import trio

from relayd.errors import ClientGone

__all__ = ["FakeClient"]


@attrs.define(eq=False)
class FakeClient:
    """Implements `relayd.session.ports.Client`; everything it hears is kept with its time."""

    # A client that reads nothing blocks every send until it is gone.
    reads: bool = True
    # Whether its socket takes messages at once.
    at_once: bool = False
    # One that is gone when it is to be closed, though nobody noticed.
    deaf_to_close: bool = False
    heard: list[tuple[float, dict[str, Any]]] = attrs.field(factory=list)
    closed: tuple[float, int, str] | None = None
    peer_code: int | None = None
    _callbacks: list[Callable[[], object]] = attrs.field(factory=list)
    _gone: trio.Event = attrs.field(factory=trio.Event)
    # Offered what is said while somebody receives, where this client's socket works at once.
    _take: Callable[[str | bytes], bool] | None = None
    _refused: bool = False
    _to_relay: trio.MemorySendChannel[str | bytes] = attrs.field(init=False)
    _from_app: trio.MemoryReceiveChannel[str | bytes] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._to_relay, self._from_app = trio.open_memory_channel[str | bytes](100_000)

    # What the test does.

    def say(self, **message: Any) -> None:
        """Send a JSON message to the relay."""
        self._deliver(json.dumps(message))

    def speak(self, audio: str | bytes) -> None:
        """Send audio to the relay: a binary message, or what a dialect makes of it."""
        self._deliver(audio)

    def send_text(self, text: str) -> None:
        """Send text as it is."""
        self._deliver(text)

    def _deliver(self, message: str | bytes) -> None:
        """Have it taken here and now, as from a socket; else it waits for who receives."""
        take, self._take = self._take, None
        if take is not None and take(message):
            self._take = take
            return
        self._refused = take is not None
        self._to_relay.send_nowait(message)

    def hang_up(self, code: int = 1006, *, noticed: bool = True) -> None:
        """Leave with this code, or just vanish.

        A reader notices at once, the edge's watcher too where it is told to.
        """
        self._gone.set()
        self.peer_code = code
        self._to_relay.close()
        if noticed:
            for callback in self._callbacks:
                callback()

    def types(self) -> list[str]:
        """The types of the messages heard so far."""
        return [str(message["type"]) for _, message in self.heard]

    def last(self, kind: str) -> dict[str, Any]:
        """The last message of this type."""
        return [message for _, message in self.heard if message["type"] == kind][-1]

    # What the session sees.

    async def receive(self, take: Callable[[str | bytes], bool] = lambda _: False) -> str | bytes:
        """The next scripted message that isn't taken."""
        try:
            while True:
                if self.at_once and not self._from_app.statistics().current_buffer_used:
                    self._take = take
                message = await self._from_app.receive()
                self._take = None
                if self._refused or not take(message):
                    self._refused = False
                    return message
        except trio.EndOfChannel:
            raise ClientGone("hung up") from None
        finally:
            self._take = None

    async def receive_first(self) -> str | bytes:
        """The first message."""
        return await self.receive()

    def send_at_once(self, message: str) -> bool:
        """Keep the message, where this client takes messages without waiting."""
        if not self.at_once or not self.reads or self._gone.is_set():
            return False
        self.heard.append((trio.current_time(), json.loads(message)))
        return True

    async def send(self, message: str) -> None:
        """Keep the message with its time."""
        await trio.lowlevel.checkpoint()
        if not self.reads:
            await self._gone.wait()
        if self._gone.is_set():
            raise ClientGone("hung up")
        self.heard.append((trio.current_time(), json.loads(message)))

    async def close(self, code: int, reason: str) -> None:
        """Keep the closing code with its time; only once."""
        assert self.closed is None
        self.closed = (trio.current_time(), code, reason)
        if self.deaf_to_close:
            self.hang_up(noticed=False)
        await trio.lowlevel.checkpoint()

    def cut(self) -> None:
        """Be cut off: whoever does it is not told, whoever receives notices."""
        if not self._gone.is_set():
            self.hang_up(noticed=False)

    def on_gone(self, callback: Callable[[], object]) -> None:
        """Remember whom to tell."""
        self._callbacks.append(callback)
