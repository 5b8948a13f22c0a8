"""Bytes to and from the other end without waiting: a socket in the pump, or any Trio stream.

A wire tells its owner what came, and sends what it is given at once where the other end takes it.
What was taken in part is finished as soon as the other end takes more, before anything else. All of
it is synchronous, so that audio passes from one wire to another without a switch of task.
"""

import os
import select
import ssl
from typing import Final

import trio

from relayd.websocket import streams
from relayd.websocket.ports import Wire, WireOwner
from relayd.websocket.pump import Pump
from relayd.websocket.streamed import StreamWire
from relayd.websocket.streams import READ_BYTES
from relayd.websocket.tls import TlsStream

__all__ = ["SocketWire", "wire_of"]

# Names of this module, for each frame looks them up.
_read: Final = os.read
_write: Final = os.write

_IN: Final = select.EPOLLIN
_OUT: Final = select.EPOLLOUT
_HALF: Final = select.EPOLLRDHUP
# The last two are reported whether one asks for them or not.
_HUNG_UP: Final = _HALF | select.EPOLLHUP | select.EPOLLERR


def wire_of(stream: trio.abc.Stream, pump: Pump, owner: WireOwner) -> Wire:
    """Take a stream over: a socket, with or without TLS, goes into the pump."""
    if isinstance(stream, TlsStream):
        return SocketWire(stream, stream.tls.fileno(), pump, owner, stream.tls)
    if isinstance(stream, trio.SocketStream):
        return SocketWire(stream, stream.socket.fileno(), pump, owner)
    return StreamWire(stream, pump, owner)


class SocketWire:
    """A socket in the pump: a bare one, or with ``tls`` one that OpenSSL reads and writes.

    One class for both, and nothing looked up twice: CPython's fast ways are for code that always
    meets the same types.
    """

    __slots__ = (
        "_asked",
        "_behind",
        "_hung_up",
        "_listening",
        "_owner",
        "_pump",
        "_read_wants_write",
        "_rest",
        "_tls",
        "_write_wants_read",
        "broken",
        "number",
        "reading",
        "stream",
        "waiting_since",
    )

    def __init__(
        self,
        stream: trio.SocketStream | TlsStream,
        number: int,
        pump: Pump,
        owner: WireOwner,
        tls: ssl.SSLSocket | None = None,
    ) -> None:
        self.stream: trio.abc.Stream = stream
        # The descriptor; -1 once it is closed.
        self.number = number
        self.reading = False
        # Where the socket was closed before we came, reading finds out.
        self.broken = number < 0
        self.waiting_since: float | None = None
        self._pump = pump
        self._owner = owner
        self._rest = b""
        # What epoll is asked for now, and what goes into that. It is told to be silent only once
        # it spoke and nobody wanted to hear, which is seldom: a session always reads.
        self._asked = 0
        self._listening = True
        self._hung_up = False
        # Whether the owner has yet to work through what it heard: until then nothing is read.
        self._behind = False
        # None once it is closed, too: then the number is refused.
        self._tls = tls
        # TLS may have to write in order to read on, and the other way round.
        self._read_wants_write = False
        self._write_wants_read = False
        self._ask()

    @property
    def holds_unread(self) -> bool:
        """Whether epoll was told to be silent."""
        return not self._listening

    def _look_behind(self) -> None:
        """Come back for what OpenSSL took from the socket, and nobody read."""
        if self._tls is not None and self._tls.pending():
            self._pump.again(self)

    def send_at_once(self, data: bytes) -> bool:
        """Send if nothing waits before it and the socket takes part of it."""
        if self._rest or self.broken:
            return False
        tls = self._tls
        try:
            sent = _write(self.number, data) if tls is None else tls.write(data)
        except BlockingIOError:
            return False
        except ssl.SSLWantWriteError:
            # It is encrypted, and part of it may be out: it must be offered again, nothing else.
            sent = 0
        except ssl.SSLWantReadError:
            self._write_wants_read = True
            sent = 0
        except OSError:
            # Whoever waits to send will find out why.
            self.broken = True
            return False
        if sent < len(data):
            self._keep(data[sent:])
        return True

    def push(self, data: bytes) -> None:
        """Send now or behind what waits."""
        if self._rest:
            self._rest += data
        elif not self.send_at_once(data) and not self.broken:
            self._keep(data)

    def _keep(self, rest: bytes) -> None:
        self._rest = rest
        self.waiting_since = trio.current_time()
        self._ask()

    def listen(self) -> None:
        """Hear, from here on."""
        self.reading = True
        self._behind = False
        if not self._listening:
            self._listening = True
            self._hung_up = False
            self._ask()
        self._look_behind()

    def work(self, events: int) -> None:
        """Do what the pump found that can be done."""
        if events == _IN and self.reading and not self._write_wants_read:
            # Nearly always. What follows is the same at length.
            self._hear()
            return
        if self._rest and (events & ~_IN or self._write_wants_read):
            self._flush()
        if not (events & ~_OUT or self._read_wants_write):
            return
        if self.reading:
            self._hear()
        elif self.number >= 0:
            self._fall_silent(events)

    def work_on(self) -> None:
        """Go on where a turn left off."""
        self._behind = self.reading and self._owner.go_on()
        if self._behind:
            self._pump.again(self)
        elif self.reading and self._tls is not None and self._tls.pending():
            self._hear()

    def _hear(self) -> None:
        if self._behind:
            return
        tls = self._tls
        try:
            data = _read(self.number, READ_BYTES) if tls is None else tls.read(READ_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except ssl.SSLWantWriteError:
            self._read_wants_write = True
            self._ask()
            return
        except OSError:
            self._owner.lost()
            return
        if self._read_wants_write:
            self._read_wants_write = False
            self._ask()
        if self._owner.heard(data):
            self._behind = True
            self._pump.again(self)
        elif len(data) == READ_BYTES and self.reading:
            self._look_behind()

    def _flush(self) -> None:
        self._write_wants_read = False
        tls, rest = self._tls, self._rest
        try:
            sent = _write(self.number, rest) if tls is None else tls.write(rest)
        except (BlockingIOError, ssl.SSLWantWriteError):
            sent = 0
        except ssl.SSLWantReadError:
            self._write_wants_read = True
            sent = 0
        except OSError:
            self.broken = True
            sent = len(rest)
        if sent:
            self._rest = rest[sent:]
        if not self._rest:
            self.waiting_since = None
            self._owner.drained()
        self._ask()

    def _fall_silent(self, events: int) -> None:
        """Something came and nobody wants it now: have epoll say no more of it."""
        self._listening = False
        if events & _HUNG_UP and not self._hung_up:
            self._hung_up = True
            self._owner.hung_up()
        self._ask()

    def _ask(self) -> None:
        """Have epoll watch for what there is to do."""
        wanted = 0 if self._hung_up else _HALF
        if self._listening or self._write_wants_read:
            wanted |= _IN
        if (self._rest and not self._write_wants_read) or self._read_wants_write:
            wanted |= _OUT
        if wanted != self._asked and self.number >= 0:
            self._pump.ask(self, wanted, before=self._asked)
            self._asked = wanted

    def end(self) -> None:
        """End our half."""
        if isinstance(self.stream, trio.SocketStream):
            try:
                self.stream.socket.shutdown(trio.socket.SHUT_WR)
            except OSError:
                self.broken = True

    def close(self, *, reset: bool = False) -> None:
        """Leave the pump and close."""
        if self.number >= 0 and self._asked:
            self._pump.ask(self, 0, before=self._asked)
        # The number may soon be another's.
        self.number = -1
        self._tls = None
        self._asked = 0
        self.reading = False
        self.broken = True
        self._rest = b""
        self.waiting_since = None
        streams.cut(self.stream, reset=reset)
