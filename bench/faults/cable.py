"""A host of its own for a client, at the end of a cable that can be pulled.

It is a network namespace behind a pair of virtual interfaces, so that packets really vanish: no
FIN, no RST, no acknowledgement, no word from a router. That takes Linux, `ip` and root.
"""

import ctypes
import os
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import attrs
import trio

__all__ = ["Cable", "NoCable", "cable"]

# Of the range for benchmarks (RFC 2544).
OURS: Final = "198.18.77.1"
THEIRS: Final = "198.18.77.2"
_NETWORK_NAMESPACE: Final = 0x40000000
_SECONDS: Final = 10


class NoCable(Exception):  # noqa: N818 - a machine without one is no error
    """There is none to be had on this machine; the text says why."""


@attrs.define(eq=False)
class Cable:
    """Plugged in. ``name`` is that of the namespace and of both interfaces."""

    name: str

    async def open_socket(self) -> socket.socket:
        """A socket of the client's host."""
        return await trio.to_thread.run_sync(self._open_socket)

    async def pull(self) -> None:
        """From now on whatever either side sends is lost."""
        # The link itself stays up: on our side nobody can tell. Our neighbour's address is fixed.
        await _ip("-n", self.name, "address", "flush", "dev", self.name)

    def _open_socket(self) -> socket.socket:
        # Of one thread only, and a socket stays where it was made.
        kernel = ctypes.CDLL(None, use_errno=True)
        with (
            Path("/proc/thread-self/ns/net").open("rb") as home,
            Path("/run/netns", self.name).open("rb") as away,
        ):
            _check(kernel.setns(away.fileno(), _NETWORK_NAMESPACE))
            try:
                return socket.socket()
            finally:
                _check(kernel.setns(home.fileno(), _NETWORK_NAMESPACE))


@asynccontextmanager
async def cable() -> AsyncIterator[Cable]:
    """A fresh one while entered. Raises `NoCable`."""
    if shutil.which("ip") is None or os.geteuid() != 0:
        raise NoCable("needs root and the command `ip`")
    # An interface's name has 15 characters at most.
    name = f"relayd{os.getpid()}"
    try:
        await _lay(name)
        yield Cable(name)
    finally:
        with trio.move_on_after(_SECONDS, shield=True):
            # Both ends at once; with the namespace alone they would go some time later.
            await _ip("link", "delete", name, check=False)
            await _ip("netns", "delete", name, check=False)


async def _lay(name: str) -> None:
    there = ("-n", name)
    await _ip("netns", "add", name)
    await _ip("link", "add", name, "type", "veth", "peer", "name", name, "netns", name)
    await _ip("address", "add", f"{OURS}/30", "dev", name)
    await _ip("link", "set", name, "up")
    await _ip(*there, "address", "add", f"{THEIRS}/30", "dev", name)
    await _ip(*there, "link", "set", name, "up")
    hardware = await _ip(*there, "-o", "link", "show", name)
    after = hardware.split()
    address = after[after.index("link/ether") + 1]
    await _ip("neighbour", "replace", THEIRS, "lladdr", address, "dev", name, "nud", "permanent")


async def _ip(*arguments: str, check: bool = True) -> str:
    with trio.fail_after(_SECONDS):
        done = await trio.run_process(
            ["ip", *arguments], capture_stdout=True, capture_stderr=True, check=False
        )
    if check and done.returncode:
        raise NoCable(f"`ip {' '.join(arguments)}` says: {done.stderr.decode().strip()}")
    return done.stdout.decode()


def _check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
