"""Cuts calls to a PostgreSQL that took them and froze.

`statement_timeout` is kept by the server, so it says nothing when the server itself is stopped
(a suspended machine, a stuck disk) while its kernel still answers for the connection. A thread
waiting there would never come back, and with it the session that must settle. A long call alone
is no reason: migrations take their time. It is cut only when a new connection gets no answer
either.
"""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import attrs
import psycopg
from psycopg.rows import TupleRow

from relayd import logs

__all__ = ["Watchdog"]

log = logs.get(__name__)

LOOK_SECONDS: Final = 1.0


@attrs.define(eq=False)
class Watchdog:
    """Knows every call under way, at most one for each connection of the pool."""

    # How to ask whether the server answers; with a connect_timeout.
    conninfo: str
    # A call may last this long before anybody asks.
    patience_seconds: float
    _calls: dict[psycopg.Connection[TupleRow], float] = attrs.field(factory=dict)
    _lock: threading.Lock = attrs.field(factory=threading.Lock)
    _ended: threading.Event = attrs.field(factory=threading.Event)

    @contextmanager
    def watching(self, connection: psycopg.Connection[TupleRow]) -> Iterator[None]:
        """Watch one call on this connection."""
        with self._lock:
            self._calls[connection] = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                del self._calls[connection]

    @contextmanager
    def awake(self) -> Iterator[None]:
        """Look every second, in a thread of its own, while entered."""
        thread = threading.Thread(target=self._watch, name="database-watchdog", daemon=True)
        thread.start()
        try:
            yield
        finally:
            # It may be asking just then, and is not worth waiting for.
            self._ended.set()

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            if self._overdue() and not self._answers():
                self._cut()

    def _overdue(self) -> list[psycopg.Connection[TupleRow]]:
        since = time.monotonic() - self.patience_seconds
        return [connection for connection, start in self._calls.copy().items() if start < since]

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.conninfo).close()
        except psycopg.OperationalError:
            return False
        return True

    def _cut(self) -> None:
        # Under the lock none of them can end and give its descriptor to another socket.
        with self._lock:
            overdue = self._overdue()
            log.warning("database froze, cutting its connections", calls=len(overdue))
            for connection in overdue:
                with suppress(OSError, psycopg.OperationalError):
                    descriptor = os.dup(connection.pgconn.socket)
                    with socket.socket(fileno=descriptor) as ours:
                        ours.shutdown(socket.SHUT_RDWR)
