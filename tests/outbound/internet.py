"""An internet in memory: names with addresses, and what is said at each address."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs
import httpcore
import trio

from relayd.outbound.addresses import Network
from relayd.outbound.dialling import Dialler
from relayd.outbound.requests import Outbound

__all__ = ["Internet"]


@attrs.define(eq=False)
class Internet:
    """Implements `Resolver`, and what a dialler dials with. No answer: the address hangs."""

    names: Mapping[str, Sequence[str]] = attrs.field(factory=dict)
    # What each address says, whatever it is asked.
    answers: dict[str, bytes] = attrs.field(factory=dict)
    resolved: list[str] = attrs.field(factory=list)
    dialled: list[str] = attrs.field(factory=list)
    # What was sent, to whomever.
    heard: bytearray = attrs.field(factory=bytearray)

    def outbound(self, allowed: Sequence[Network] = ()) -> Outbound:
        """Requests into it."""
        return Outbound(Dialler(allowed, self, self))

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """See `Resolver`."""
        await trio.lowlevel.checkpoint()
        self.resolved.append(host)
        if host not in self.names:
            raise OSError("no such name")
        return self.names[host]

    async def connect_tcp(self, host: str, port: int, *_more: Any) -> httpcore.AsyncNetworkStream:
        """Dial a number; whoever isn't there is unreachable."""
        await trio.lowlevel.checkpoint()
        self.dialled.append(host)
        if host not in self.answers:
            raise httpcore.ConnectError("unreachable")
        return _Heard([self.answers[host]], self.heard)


class _Heard(httpcore.AsyncMockStream):
    def __init__(self, parts: Iterable[bytes], heard: bytearray) -> None:
        super().__init__(list(parts))
        self._heard = heard

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore's
        self._heard += buffer

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        part = await super().read(max_bytes, timeout)
        if part == b"hang":
            await trio.sleep_forever()
        return part
