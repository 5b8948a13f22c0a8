"""What the service manager is told: that we are ready, reload, stop, and are alive.

The protocol is sd_notify(3): datagrams of ``KEY=value`` lines to the socket that the environment
names. Without one nothing is sent. A manager that isn't there is no reason to fail.
"""

import contextlib
import os
import socket
import time
from typing import Final

import trio

__all__ = ["Manager"]

_MICROSECONDS: Final = 1_000_000


class Manager:
    """The service manager, if there is one."""

    def __init__(self) -> None:
        self._address = os.environ.get("NOTIFY_SOCKET", "")
        # The manager kills what is silent for this long; half of it is what its manual advises.
        microseconds = os.environ.get("WATCHDOG_USEC", "")
        watched = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.watchdog_seconds = (
            int(microseconds) / _MICROSECONDS / 2 if microseconds.isdecimal() and watched else None
        )

    def ready(self, status: str) -> None:
        """Connections are taken."""
        self._tell(f"READY=1\nSTATUS={status}")

    def reloading(self) -> None:
        """A reload has begun; `ready` ends it."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The drain has begun."""
        self._tell("STOPPING=1\nSTATUS=draining")

    async def tell_alive(self) -> None:
        """Say again and again that this loop turns, if the manager wants to know."""
        while self.watchdog_seconds is not None:
            self._tell("WATCHDOG=1")
            await trio.sleep(self.watchdog_seconds)

    def _tell(self, text: str) -> None:
        if not self._address:
            return
        # An @ stands for the NUL of an abstract address.
        address = self._address.replace("@", "\0", 1)
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.sendto(text.encode(), address)
