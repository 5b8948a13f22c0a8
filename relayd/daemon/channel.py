"""What a supervisor and its serving processes say to each other, over one socket each.

One JSON object a line. Telling never waits: lines queue for the one writer, bounded, and an end
that doesn't read for so long is as good as gone.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

import msgspec
import trio

from relayd.quotas.limits import Cap, Rate

__all__ = [
    "Admit",
    "Alive",
    "Channel",
    "Enter",
    "Failed",
    "FromProcess",
    "GiveTurn",
    "Leave",
    "Look",
    "News",
    "Reply",
    "Retire",
    "Started",
    "Stop",
    "TakeTurn",
    "ToProcess",
]

# Some 100 bytes each: what a process may say while the other end is busy for a moment.
_QUEUED_MAX: Final = 20_000
_READ_BYTES: Final = 65_536
_FAREWELL_SECONDS: Final = 1.0


class Enter(msgspec.Struct, tag=True, frozen=True):
    """`Quotas.enter`; answered with the full key or None."""

    number: int
    caps: Sequence[Cap]


class Leave(msgspec.Struct, tag=True, frozen=True):
    """`Quotas.leave`."""

    caps: Sequence[Cap]


class Admit(msgspec.Struct, tag=True, frozen=True):
    """`Quotas.admit`; answered with the seconds to wait."""

    number: int
    rates: Sequence[Rate]


class TakeTurn(msgspec.Struct, tag=True, frozen=True):
    """`Quotas.take`; answered when it is this one's turn."""

    number: int
    turn: Cap


class GiveTurn(msgspec.Struct, tag=True, frozen=True):
    """`Quotas.give`."""

    turn: Cap


class Started(msgspec.Struct, tag=True, frozen=True):
    """Connections are taken."""


class Failed(msgspec.Struct, tag=True, frozen=True):
    """The process can't serve; what the operator must change."""

    problem: str


class Alive(msgspec.Struct, tag=True, frozen=True):
    """The answer to `Look`."""


class News(msgspec.Struct, tag=True, frozen=True):
    """A message of Stripe's was kept: somebody should work on it."""


class Reply(msgspec.Struct, tag=True, frozen=True):
    """To a question of that number."""

    number: int
    value: str | float | None


class Retire(msgspec.Struct, tag=True, frozen=True):
    """Accept nothing more, and end when what is there has ended."""


class Stop(msgspec.Struct, tag=True, frozen=True):
    """Drain, and end."""


class Look(msgspec.Struct, tag=True, frozen=True):
    """Say that you are there."""


FromProcess = Enter | Leave | Admit | TakeTurn | GiveTurn | Started | Failed | Alive | News
ToProcess = Reply | Retire | Stop | Look

Incoming = TypeVar("Incoming")


class Channel(Generic[Incoming]):
    """One end. ``incoming`` is the union of messages that the other end sends."""

    def __init__(self, stream: trio.abc.Stream, incoming: Any) -> None:
        self._stream = stream
        self._decoder: msgspec.json.Decoder[Incoming] = msgspec.json.Decoder(incoming)
        self._encoder = msgspec.json.Encoder()
        self._written = trio.Event()
        self._lines, self._queued = trio.open_memory_channel[bytes](_QUEUED_MAX)

    def tell(self, message: FromProcess | ToProcess) -> None:
        """Send a message in its turn. Nothing is said to an end that is gone or doesn't read."""
        try:
            self._lines.send_nowait(self._encoder.encode(message) + b"\n")
        except trio.WouldBlock:
            self._lines.close()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass

    async def tell_last(self, message: FromProcess | ToProcess) -> None:
        """Send a message, and wait until all is sent."""
        self.tell(message)
        self._lines.close()
        with trio.move_on_after(_FAREWELL_SECONDS):
            await self._written.wait()

    async def run(self, heed: Callable[[Incoming], object]) -> None:
        """Carry messages both ways until the other end is gone; each one goes to ``heed``."""
        async with self._stream, trio.open_nursery() as nursery:
            nursery.start_soon(self._write)
            await self._read(heed)
            nursery.cancel_scope.cancel()

    async def _read(self, heed: Callable[[Incoming], object]) -> None:
        rest = b""
        try:
            while data := await self._stream.receive_some(_READ_BYTES):
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    heed(self._decoder.decode(line))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return

    async def _write(self) -> None:
        try:
            async with self._queued:
                async for line in self._queued:
                    await self._stream.send_all(line)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        self._written.set()
        # Whoever doesn't read is gone, and so is who hung up: the reading ends too.
        await trio.aclose_forcefully(self._stream)
