"""Audio on its way: put on by any thread, read by the conversation, kept until it was heard.

Positions are bytes since the beginning. What is older than `SECONDS` is gone: a tape is bounded
whatever the network does.
"""

import contextlib
import socket
import threading
from typing import Final

import attrs
import trio

__all__ = ["BYTES_PER_SECOND", "SECONDS", "Tape"]

# 16 kHz, one channel, 16 bits: what every source is sent.
BYTES_PER_SECOND: Final = 32_000
# 940 KiB.
SECONDS: Final = 30
# Read at once: more than can be left from readers that were cancelled.
_RINGS_MOST: Final = 4096


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
    # Who waits for audio, and who for the end: one each. The first one's bell is kept.
    _reader: "_Bell | None" = attrs.field(init=False, default=None)
    _bell: "_Bell | None" = attrs.field(init=False, default=None)
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
            reader, self._reader = self._reader, None
        if reader is not None:
            reader.ring()

    def close(self) -> None:
        """No more is coming; from any thread."""
        with self._lock:
            self.closed = True
            reader, mourner = self._reader, self._mourner
            self._reader = self._mourner = None
        if reader is not None:
            reader.ring()
        if mourner is not None:
            mourner.wake()

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
                if self._bell is None:
                    self._bell = _Bell()
                bell = self._reader = self._bell
            await bell.heard()

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
class _Bell:
    """Wakes a task of Trio's from any thread, many times a second.

    What Trio has for it (`_Waiter`) wakes a task of its own first, which reads twice and wakes
    ours in its next turn: a tenth of all that an engine takes. Here ours waits by itself.
    """

    _ends: tuple[socket.socket, socket.socket] = attrs.field(init=False, factory=socket.socketpair)

    def __attrs_post_init__(self) -> None:
        for end in self._ends:
            end.setblocking(False)
        # On Windows a pair speaks TCP, which would hold back a byte while another is under way.
        with contextlib.suppress(OSError):
            self._ends[0].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __del__(self) -> None:
        # With the last reference. Whoever rings has one, so that no byte can go to a socket that
        # was given the number of a closed one.
        for end in self._ends:
            end.close()

    def ring(self) -> None:
        """From any thread; once for each time that somebody listens."""
        with contextlib.suppress(BlockingIOError):  # It rings already.
            self._ends[0].send(b"\0")

    async def heard(self) -> None:
        """Wait until it rings. Of one that was cancelled, the next hears a ring too many."""
        await trio.lowlevel.wait_readable(self._ends[1])
        with contextlib.suppress(BlockingIOError):
            self._ends[1].recv(_RINGS_MOST)


@attrs.define(eq=False)
class _Waiter:
    """A task of Trio's that waits for other threads."""

    event: trio.Event = attrs.field(factory=trio.Event)
    token: trio.lowlevel.TrioToken = attrs.field(factory=trio.lowlevel.current_trio_token)

    def wake(self) -> None:
        """From any thread; it may be gone."""
        with contextlib.suppress(trio.RunFinishedError):
            self.token.run_sync_soon(self.event.set)
