"""A server that refuses everybody who connects, as PostgreSQL says it on the wire."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import attrs

__all__ = ["RefusingServer", "refusing_server"]

# Message formats of the PostgreSQL documentation: SSLRequest and GSSENCRequest carry these codes.
_ENCRYPTION_CODES = {80877103, 80877104}


@attrs.define(eq=False)
class RefusingServer:
    """Answers each startup message with one FATAL error."""

    text: str
    port: int
    attempts: int = 0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"postgresql://app:sesame@127.0.0.1:{self.port}/relayd"

    def serve(self, listener: socket.socket) -> None:
        """Until the listener is shut down."""
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                while int.from_bytes(self._message(connection)[:4]) in _ENCRYPTION_CODES:
                    connection.sendall(b"N")
                fields = f"SFATAL\0VFATAL\0C28P01\0M{self.text}\0\0".encode()
                self.attempts += 1
                connection.sendall(b"E" + (len(fields) + 4).to_bytes(4) + fields)

    def _message(self, connection: socket.socket) -> bytes:
        length = int.from_bytes(connection.recv(4, socket.MSG_WAITALL))
        return connection.recv(length - 4, socket.MSG_WAITALL)


@contextmanager
def refusing_server(text: str) -> Iterator[RefusingServer]:
    """One that listens while entered."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = RefusingServer(text, listener.getsockname()[1])
        thread = threading.Thread(target=server.serve, args=(listener,))
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
