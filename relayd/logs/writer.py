"""Lines on their way to a descriptor, written by a thread so that nobody waits for a reader.

A terminal on hold, a full disk or a log collector that restarts stops whoever writes to it. In a
daemon of one thread that would be every session at once.
"""

import os
import select
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

import attrs

__all__ = ["LineWriter"]

# Some 25,000 lines of 160 bytes: a minute of 400 requests a second.
QUEUE_BYTES: Final = 4 * 1024 * 1024
# What a pipe takes in one piece: the processes of one daemon share theirs, and lines must not mix.
BATCH_BYTES: Final = select.PIPE_BUF


@attrs.define(eq=False)
class LineWriter:
    """A bounded queue and its thread. `put` never waits; `close` is called once, at the end."""

    descriptor: int
    # The line that tells how many were dropped.
    loss_line: Callable[[int], str]
    queue_bytes: int = QUEUE_BYTES
    _queue: deque[bytes] = attrs.field(factory=deque)
    _queued_bytes: int = 0
    # Lines taken from the queue and not written yet.
    _in_hand: int = 0
    # Lines that found no room or could not be written, and that nobody was told of yet.
    _dropped: int = 0
    # From the first line without room until the queue is empty: one gap, told once.
    _full: bool = False
    # The last write failed, perhaps in the middle of a line.
    _torn: bool = False
    _closing: bool = False
    _changed: threading.Condition = attrs.field(factory=threading.Condition)
    _thread: threading.Thread = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        # A daemon thread: one that hangs in a write must not keep the process.
        self._thread = threading.Thread(target=self._write_all, name="log", daemon=True)
        self._thread.start()

    def put(self, line: str) -> None:
        """Queue a line without its end; it is dropped and counted where there is no room."""
        data = line.encode("utf-8", "backslashreplace") + b"\n"
        with self._changed:
            self._full = self._full or self._queued_bytes + len(data) > self.queue_bytes
            if self._full:
                self._dropped += 1
            else:
                self._queue.append(data)
                self._queued_bytes += len(data)
            self._changed.notify()

    def close(self, seconds: float) -> int:
        """Write what waits; how many lines could not be written within these seconds."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(seconds)
        with self._changed:
            return len(self._queue) + self._in_hand + self._dropped

    def _write_all(self) -> None:
        while (taken := self._take()) is not None:
            batch, told = taken
            try:
                _write(self.descriptor, batch)
            except OSError:
                # A closed pipe, a full disk: it may be mended, and then the gap is told.
                written = False
            else:
                written = True
            with self._changed:
                self._dropped += -told if written else self._in_hand
                self._in_hand, self._torn = 0, not written

    def _take(self) -> tuple[bytes, int] | None:
        """The next batch and how many dropped lines it tells of; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._full or self._closing)
            if not self._queue and not self._full:
                return None
            told, batch = 0, bytearray(b"\n" if self._torn else b"")
            if not (self._full and self._queue):
                # Here is the gap: behind all that was queued before it.
                self._full, told = False, self._dropped
                batch += self.loss_line(told).encode() + b"\n" if told else b""
            while self._queue and len(batch) + len(self._queue[0]) <= BATCH_BYTES:
                self._extend(batch)
            if self._queue and not self._in_hand:
                # Longer than a batch by itself.
                self._extend(batch)
            return bytes(batch), told

    def _extend(self, batch: bytearray) -> None:
        line = self._queue.popleft()
        self._queued_bytes -= len(line)
        self._in_hand += 1
        batch += line


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            # Made non-blocking by somebody else: another program on the same terminal, say.
            select.select([], [descriptor], [])
