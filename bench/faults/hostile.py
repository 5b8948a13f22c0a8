"""One hostile socket: what it can take in memory, and how soon it is cut."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import attrs
import trio

from bench.books import Customer
from bench.daemon import Daemon
from bench.faults.bystanders import bystanders
from bench.faults.client import MASK, App, connect
from bench.faults.verdict import Verdict
from bench.faults.world import World, established, world
from bench.wire import BINARY, PING, TEXT, frame
from relayd.config import Limits
from tests.standin import Script

__all__ = ["run"]

_MEBIBYTE: Final = 2**20
_GROWTH_KIB: Final = 1024
_CUT_SECONDS: Final = 5
_PATIENCE_SECONDS: Final = 60
_CALM_SECONDS: Final = 2
_MESSAGE_BYTES: Final = 400 * _MEBIBYTE
_PIECE: Final = bytes(65_536)
# A message that is longer is refused.
_LIMIT_BYTES: Final = Limits().message_bytes
# More fragments than this in one message are refused.
_FRAGMENTS: Final = 4096
# And more pings than this at once.
_PINGS: Final = 64
_FRAGMENTS_SENT: Final = 1_000_000
_PIECES: Final = 1000
_PAGE_KIB: Final = 4
_LOOK_SECONDS: Final = 0.01
# A queue that did not move in this time is stuck: its client doesn't read.
_STUCK_SECONDS: Final = 0.3


@attrs.define(eq=False)
class Attack:
    """What one hostile client does; it says when it crossed the limit."""

    here: World
    daemon: Daemon
    app: App
    crossed_at: float | None = None

    @property
    def connected(self) -> bool:
        """Whether the daemon still has its end of this connection."""
        port = self.app.stream.socket.getsockname()[1]
        return any(r.port == self.daemon.port and r.peer_port == port for r in established())

    def cross(self) -> None:
        """From here on the daemon may cut it."""
        self.crossed_at = self.crossed_at or trio.current_time()

    async def huge_message(self) -> None:
        """Announce 400 MiB of audio and send it."""
        head = bytes((0x80 | BINARY, 0xFF)) + _MESSAGE_BYTES.to_bytes(8, "big") + MASK
        await self.app.stream.send_all(head)
        self.cross()
        for _ in range(_MESSAGE_BYTES // len(_PIECE)):
            await self.app.stream.send_all(_PIECE)

    async def endless_fragments(self) -> None:
        """One message of 400 MiB in fragments that are small enough by themselves."""
        await self.app.stream.send_all(frame(BINARY, _PIECE, MASK, final=False))
        sent = len(_PIECE)
        while sent < _MESSAGE_BYTES:
            sent += len(_PIECE)
            if sent > _LIMIT_BYTES:
                self.cross()
            await self.app.stream.send_all(frame(0, _PIECE, MASK, final=False))

    async def tiny_fragments(self) -> None:
        """One text message in fragments of nothing."""
        await self.app.stream.send_all(frame(TEXT, b"", MASK, final=False))
        pieces = frame(0, b"", MASK, final=False) * _PIECES
        for number in range(_FRAGMENTS_SENT // _PIECES):
            if (number + 1) * _PIECES > _FRAGMENTS:
                self.cross()
            await self.app.stream.send_all(pieces)

    async def bomb(self) -> None:
        """A frame that claims to be compressed, after an offer that was not accepted."""
        self.cross()
        deflated = bytearray(frame(BINARY, bytes(60_000), MASK))
        deflated[0] |= 0x40
        for _ in range(100):
            await self.app.stream.send_all(bytes(deflated))

    async def never_reading(self) -> None:
        """Have results made, and read none of them."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._note_stuck)
            await self.app.speak_on(100, 20)

    async def pings_unread(self) -> None:
        """Ask for pongs, and read none of them."""
        await self.app.stream.send_all(frame(PING, bytes(125), MASK) * _PINGS)
        self.cross()
        for _ in range(20_000):
            await self.app.stream.send_all(frame(PING, bytes(125), MASK) * 500)

    async def _note_stuck(self) -> None:
        port = self.app.stream.socket.getsockname()[1]
        unsent = 0
        while True:
            await trio.sleep(_STUCK_SECONDS)
            rows = [r for r in established() if (r.port, r.peer_port) == (self.daemon.port, port)]
            if not rows:
                return
            if rows[0].unsent and rows[0].unsent == unsent:
                # It was stuck already when the last look was taken.
                self.crossed_at = trio.current_time() - _STUCK_SECONDS
                return
            unsent = rows[0].unsent


_ATTACKS: Final[dict[str, tuple[Callable[[Attack], Awaitable[None]], bool]]] = {
    "400 MiB message before auth": (Attack.huge_message, False),
    "400 MiB message": (Attack.huge_message, True),
    "400 MiB in fragments": (Attack.endless_fragments, True),
    "a million empty fragments before auth": (Attack.tiny_fragments, False),
    "compressed though not agreed": (Attack.bomb, True),
    "never reading its results": (Attack.never_reading, True),
    "never reading its pongs": (Attack.pings_unread, True),
}


async def run(verdict: Verdict) -> None:
    """One after the other, beside sessions of other people."""
    # Long words: a client that doesn't read shall cost as much as it can.
    script = Script(result_ms=100, words=("x" * 300,), keep_audio=False)
    async with world(script) as here:
        # As many streams as there are attacks: what one leaves behind doesn't refuse the next.
        (customer,) = await here.customers(1, 360_000_000)
        async with here.daemon() as daemon, bystanders(verdict, here, daemon):
            await _warm_up(here, daemon, customer)
            for what, (attack, authenticated) in _ATTACKS.items():
                app = await _enter(here, daemon, customer, authenticated=authenticated)
                await _endure(verdict, what, Attack(here, daemon, app), attack)
        verdict.equal("rows at fault in the audit", await here.audited(), 0)


async def _enter(here: World, daemon: Daemon, customer: Customer, *, authenticated: bool) -> App:
    offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
    app = await connect(daemon.port, offer, receive_buffer=4096)
    if authenticated:
        await app.open(customer.token, {"interim_results": True})
    return app


async def _warm_up(here: World, daemon: Daemon, customer: Customer) -> None:
    """An ordinary session, so that what is loaded once is loaded."""
    app = await here.session(daemon, customer)
    await app.speak_on(most_ms=2000)
    await app.say({"type": "stop"})
    await app.listen()
    await trio.sleep(_CALM_SECONDS)


async def _endure(
    verdict: Verdict, what: str, attack: Attack, method: Callable[[Attack], Awaitable[None]]
) -> None:
    await trio.sleep(_CALM_SECONDS)
    before = peak = _resident_kib(attack.daemon.pid)
    cut_at = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_attempt, method, attack)
        with trio.move_on_after(_PATIENCE_SECONDS):
            await trio.sleep(_LOOK_SECONDS)
            while attack.connected:
                await trio.sleep(_LOOK_SECONDS)
                peak = max(peak, _resident_kib(attack.daemon.pid))
            cut_at = trio.current_time()
        nursery.cancel_scope.cancel()
    attack.app.reset()
    verdict.at_most(f"{what}: more memory", peak - before, _GROWTH_KIB, "KiB")
    if cut_at is None or attack.crossed_at is None:
        verdict.equal(f"{what}: cut", "no", "yes")
    else:
        seconds = round(max(cut_at - attack.crossed_at, 0), 2)
        verdict.at_most(f"{what}: cut after", seconds, _CUT_SECONDS, "s")


async def _attempt(method: Callable[[Attack], Awaitable[None]], attack: Attack) -> None:
    try:
        await method(attack)
    except* (trio.BrokenResourceError, trio.ClosedResourceError):
        pass


def _resident_kib(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_KIB
