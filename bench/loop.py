"""Sockets and deadlines in one thread, over epoll and nothing else.

An async library would cost more per frame than the work to be done for it, and the relay must
be what is slow.
"""

import heapq
import itertools
import json
import os
import select
import socket
import ssl
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import attrs

from bench.wire import Frame, FrameReader

__all__ = ["Loop", "Peer", "say"]

_READ_BYTES: Final = 65_536
_HEAD_END: Final = b"\r\n\r\n"
_COMMANDS: Final = 0
_READ: Final = select.EPOLLIN
_READ_AND_WRITE: Final = select.EPOLLIN | select.EPOLLOUT
# What a socket says that can't go on now; under TLS either may stand in the way of both.
_NOT_NOW: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


def say(**fields: Any) -> None:
    """One line of JSON for whoever started this process."""
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


@attrs.define(eq=False)
class Loop:
    """Calls back when a socket has something, a time has come or a command was read."""

    command: Callable[[str], None]
    running: bool = True
    _poll: select.epoll = attrs.field(factory=select.epoll)
    _watching: dict[int, Callable[[int], None]] = attrs.field(factory=dict)
    _timers: list[tuple[float, int, Callable[[], None]]] = attrs.field(factory=list)
    _order: "itertools.count[int]" = attrs.field(factory=itertools.count)

    def at(self, when: float, callback: Callable[[], None]) -> None:
        """Call back at this time of `time.monotonic`."""
        heapq.heappush(self._timers, (when, next(self._order), callback))

    def watch(self, sock: socket.socket, events: int, callback: Callable[[int], None]) -> None:
        """Call back with the events of this socket, in place of what was watched before."""
        number = sock.fileno()
        if number in self._watching:
            self._poll.modify(number, events)
        else:
            self._poll.register(number, events)
        self._watching[number] = callback

    def forget(self, sock: socket.socket) -> None:
        """Stop watching and close."""
        if self._watching.pop(sock.fileno(), None):
            self._poll.unregister(sock)
            sock.close()

    def run(self) -> None:
        """Until somebody clears `running`, or the command's end of the pipe is closed."""
        self._poll.register(_COMMANDS, _READ)
        self._watching[_COMMANDS] = self._read_commands
        while self.running:
            for number, events in self._poll.poll(self._call_due()):
                # A socket may be forgotten for what came with another one.
                callback = self._watching.get(number)
                if callback:
                    callback(events)

    def _call_due(self) -> float | None:
        """Run what is due; how long to wait for the next."""
        # What they add is for the next round: the sockets come first.
        for _ in range(len(self._timers)):
            wait = self._timers[0][0] - time.monotonic()
            if wait > 0:
                return wait
            heapq.heappop(self._timers)[2]()
        return 0 if self._timers else None

    def _read_commands(self, events: int) -> None:
        text = os.read(_COMMANDS, _READ_BYTES).decode()
        if not text:
            self.running = False
        for line in text.splitlines():
            self.command(line)


@attrs.define(eq=False)
class Peer:
    """One WebSocket: TLS where the socket has it, the head of its handshake, then frames."""

    loop: Loop
    sock: socket.socket
    on_head: Callable[[bytes], None]
    on_frame: Callable[[Frame], None]
    on_end: Callable[[], None]
    open: bool = True
    _head: bytes = b""
    _shaken: bool = False
    _frames: FrameReader = attrs.field(factory=FrameReader)
    _unsent: bytes = b""

    def __attrs_post_init__(self) -> None:
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.loop.watch(self.sock, _READ, self._ready)

    @property
    def stuck(self) -> bool:
        """Whether earlier bytes still wait for the socket."""
        return bool(self._unsent)

    def send(self, data: bytes) -> None:
        """Send, or keep what doesn't fit until it does."""
        if not self.open:
            return
        if self._unsent:
            self._unsent += data
            return
        try:
            sent = self.sock.send(data)
        except _NOT_NOW:
            sent = 0
        except OSError:
            self.end()
            return
        if sent < len(data):
            self._unsent = data[sent:]
            self.loop.watch(self.sock, _READ_AND_WRITE, self._ready)

    def end(self) -> None:
        """Close the socket."""
        if self.open:
            self.open = False
            self.loop.forget(self.sock)
            self.on_end()

    def _ready(self, events: int) -> None:
        if events & select.EPOLLOUT:
            self._send_rest()
        if events & ~select.EPOLLOUT and self.open:
            self._receive()

    def _send_rest(self) -> None:
        rest, self._unsent = self._unsent, b""
        self.loop.watch(self.sock, _READ, self._ready)
        self.send(rest)

    def _receive(self) -> None:
        # A TLS record holds less than is read here, so OpenSSL never keeps a rest that epoll
        # doesn't know of; and the first read of such a socket shakes hands.
        try:
            data = self.sock.recv(_READ_BYTES)
        except _NOT_NOW:
            return
        except OSError:
            data = b""
        if not data:
            self.end()
            return
        if not self._shaken:
            head, found, data = (self._head + data).partition(_HEAD_END)
            if not found:
                self._head = head
                return
            self._shaken = True
            self.on_head(head)
        for one in self._frames.feed(data):
            self.on_frame(one)
