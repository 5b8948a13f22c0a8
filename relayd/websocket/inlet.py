"""The receiving half of a bare socket, made for waiting.

Trio tries to read first and waits if that fails. Between two frames of audio, or two results, it
always fails, and the attempt costs a fifth of all that reading one takes.
"""

import os

import trio

__all__ = ["read_socket"]


async def read_socket(sock: trio.socket.SocketType, most: int) -> bytes:
    """Wait, then read up to so many bytes; none at the end. Raises what Trio's streams raise."""
    number = sock.fileno()
    if number < 0:
        raise trio.ClosedResourceError
    await trio.lowlevel.wait_readable(number)
    # A socket cut meanwhile has none, and its number may be another's.
    if sock.fileno() < 0:
        raise trio.ClosedResourceError
    try:
        return os.read(number, most)
    except BlockingIOError:
        # Readiness is a hint; the general way copes.
        return await sock.recv(most)
