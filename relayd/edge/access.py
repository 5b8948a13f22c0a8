"""The access log: one line for each request that reached the application.

Hypercorn would write it when it learns of an end, and may learn of two: that of the answer, and
that of a client which leaves on its last byte, or which closes its half behind its request. So the
line is written where there is one end only: that of the application's call.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
from hypercorn.config import Config

from relayd import logs
from relayd.edge.addresses import Proxies

__all__ = ["Exchange", "Silence"]

log = logs.get(__name__)


class Silence:
    """Stands in for Hypercorn's logger."""

    def __init__(self, config: Config) -> None:
        self.config = config

    async def access(self, scope: Any, response: Any, seconds: float) -> None:
        """Hypercorn's idea of an end; ours is `Exchange.note`."""


@attrs.define(eq=False)
class Exchange:
    """What an application answers to one request. ``send`` takes the place of the real one."""

    scope: Any
    _send: Callable[[Any], Awaitable[None]]
    # Those that are believed about who asked.
    proxies: Proxies = attrs.field(factory=Proxies)
    # Of an answer that is whole.
    status: int | None = None
    _begun: int | None = None
    _began: float = attrs.field(factory=time.monotonic)

    async def send(self, event: Any) -> None:
        """ASGI's send."""
        await self._send(event)
        if event["type"] == "http.response.start":
            self._begun = event["status"]
        elif event["type"] == "http.response.body" and not event.get("more_body", False):
            self.status = self._begun

    async def conclude(self, *, left: bool) -> None:
        """The application is done: Hypercorn answers 500 if it said nothing to who is there."""
        await self._send(None)
        if self._begun is None and not left:
            self.status = 500

    @property
    def milliseconds(self) -> int:
        """How long it has taken."""
        return round((time.monotonic() - self._began) * 1000)

    def note(self) -> None:
        """Write the line. An answer that was cut off has no status."""
        log.info(
            "request",
            method=self.scope["method"],
            path=self.scope["path"],
            status="-" if self.status is None else self.status,
            milliseconds=self.milliseconds,
            address=self.proxies.requester(self.scope),
        )
