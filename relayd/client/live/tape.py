"""Audio on its way: put on by any thread, read by the conversation, kept until it was heard.

Positions are bytes since the beginning. What is older than `SECONDS` is gone: a tape is bounded
whatever the network does.
"""

import contextlib
import threading
from typing import Final

import attrs
import trio

__all__ = ["BYTES_PER_SECOND", "SECONDS", "Tape"]

# 16 kHz, one channel, 16 bits: what every source is sent.
BYTES_PER_SECOND: Final = 32_000
# 940 KiB.
SECONDS: Final = 30


@attrs.define(eq=False)
class Tape:
    """The last seconds of the audio. ``lost_bytes``: never read, and gone."""

    limit_bytes: int = SECONDS * BYTES_PER_SECOND
    lost_bytes: int = attrs.field(init=False, default=0)
    _audio: bytearray = attrs.field(init=False, factory=bytearray)
    # Where the audio begins, and how far it was read.
    begin: int = attrs.field(init=False, default=0)
    read_until: int = attrs.field(init=False, default=0)
    closed: bool = attrs.field(init=False, default=False)
    _lock: threading.Lock = attrs.field(init=False, factory=threading.Lock)
    # Who waits for audio, and who for the end: one each.
    _reader: "_Waiter | None" = attrs.field(init=False, default=None)
    _mourner: "_Waiter | None" = attrs.field(init=False, default=None)

    @property
    def end(self) -> int:
        """Where the next audio goes."""
        return self.begin + len(self._audio)

    def add(self, audio: bytes) -> None:
        """Put audio on; from any thread, never waits. After `close` it is dropped."""
        with self._lock:
            if self.closed or not audio:
                return
            self._audio += audio
            excess = len(self._audio) - self.limit_bytes
            if excess > 0:
                self.lost_bytes += max(self.begin + excess - self.read_until, 0)
                self._cut(self.begin + excess)
            waiter, self._reader = self._reader, None
        if waiter is not None:
            waiter.wake()

    def close(self) -> None:
        """No more is coming; from any thread."""
        with self._lock:
            self.closed = True
            waiters = (self._reader, self._mourner)
            self._reader = self._mourner = None
        for waiter in waiters:
            if waiter is not None:
                waiter.wake()

    def forget(self, before: int) -> None:
        """What is before this position was heard, and is never asked for again."""
        with self._lock:
            self._cut(min(before, self.read_until))

    def rewind(self) -> int:
        """Read again from where the audio begins; that position."""
        with self._lock:
            self.read_until = self.begin
            return self.begin

    async def wait(self) -> None:
        """Wait until there is something to read, or it was closed. One task at a time."""
        if self._is_ready:
            await trio.lowlevel.checkpoint()
        while True:
            with self._lock:
                if self._is_ready:
                    return
                waiter = self._reader = _Waiter()
            await waiter.event.wait()

    @property
    def _is_ready(self) -> bool:
        return self.closed or self.read_until < self.end

    async def read(self, most: int) -> bytes:
        """The next audio, at most so many bytes; empty once it was closed and all read.

        Cancel-safe: what was cancelled has read nothing.
        """
        await self.wait()
        with self._lock:
            start = self.read_until - self.begin
            piece = bytes(self._audio[start : start + most])
            self.read_until += len(piece)
            return piece

    async def wait_closed(self) -> None:
        """Wait until no more is coming. One task at a time."""
        with self._lock:
            waiter = self._mourner = None if self.closed else _Waiter()
        if waiter is None:
            await trio.lowlevel.checkpoint()
        else:
            await waiter.event.wait()

    def _cut(self, position: int) -> None:
        if position > self.begin:
            del self._audio[: position - self.begin]
            self.begin = position
            self.read_until = max(self.read_until, position)


@attrs.define(eq=False)
class _Waiter:
    """A task of Trio's that waits for other threads."""

    event: trio.Event = attrs.field(factory=trio.Event)
    token: trio.lowlevel.TrioToken = attrs.field(factory=trio.lowlevel.current_trio_token)

    def wake(self) -> None:
        """From any thread; it may be gone."""
        with contextlib.suppress(trio.RunFinishedError):
            self.token.run_sync_soon(self.event.set)
