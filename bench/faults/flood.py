"""Floods of strangers, and of somebody who has credit, beside paying streams."""

from collections.abc import Awaitable, Callable
from typing import Final

import attrs
import trio

from bench.daemon import Sections
from bench.faults.client import MASK, App, connect
from bench.faults.paying import Paying, paying, tell
from bench.faults.verdict import Verdict
from bench.wire import BINARY, PING, TEXT, frame

__all__ = ["run"]

_ATTACKERS: Final = 100
_SECONDS: Final = 8
_QUICK_SECONDS: Final = 3
# Of each attacker, for the slow flood: together 2 MB/s.
_PIECE_BYTES: Final = 2000
_PIECE_SECONDS: Final = 0.1
_AGAIN_SECONDS: Final = 0.5

_PINGS: Final = frame(PING, b"", MASK) * 10_000
_FRAGMENTS: Final = frame(TEXT, b"", MASK, final=False) + frame(0, b"", MASK, final=False) * 10_000
_BYTES: Final = frame(BINARY, b"x", MASK) * 10_000
_FINALIZE: Final = frame(TEXT, b'{"type":"Finalize"}', MASK) * 1000

# As an operator has it: what bounds a flood are the defaults.
_CHANGES: Final[Sections] = {
    "server": {"connections_per_second": 50},
    "limits": {"streams_per_user": 2, "opens_per_minute": 30},
}

Attack = Callable[[App], Awaitable[None]]


@attrs.frozen
class Stage:
    """Paying streams, and what an attacker with an account has."""

    streams: Paying
    token: str

    async def endure(self, verdict: Verdict, name: str, attack: Attack | None, who: str) -> None:
        """So many attackers at once; one that is cut comes again."""
        await self.streams.begin()
        with trio.move_on_after(verdict.sized(_SECONDS, _QUICK_SECONDS)):
            async with trio.open_nursery() as nursery:
                if attack is not None:
                    for _ in range(_ATTACKERS):
                        nursery.start_soon(self._attack_on, attack, who)
                await trio.sleep_forever()
        tell(verdict, name, await self.streams.delays())

    async def _attack_on(self, attack: Attack, token: str) -> None:
        while True:
            try:
                app = await connect(self.streams.daemon.port)
                if token:
                    await app.open(token)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(app.listen)
                    await attack(app)
            except* (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
                pass
            await trio.sleep(_AGAIN_SECONDS)


def _flooding(data: bytes) -> Attack:
    async def attack(app: App) -> None:
        while True:
            await app.send(data)

    return attack


async def _trickling(app: App) -> None:
    while True:
        await app.send(_PINGS[: _PIECE_BYTES - _PIECE_BYTES % len(frame(PING, b"", MASK))])
        await trio.sleep(_PIECE_SECONDS)


async def run(verdict: Verdict) -> None:
    """Pings and fragments before auth; tiny frames and Finalize of an account that has credit."""
    async with paying(verdict, _CHANGES) as streams:
        stage = Stage(streams, (await streams.books.customer(3_600_000)).token)
        await stage.endure(verdict, "nobody", None, "")
        await stage.endure(verdict, "pings before auth", _flooding(_PINGS), "")
        await stage.endure(verdict, "pings before auth at 2 MB/s", _trickling, "")
        await stage.endure(verdict, "fragments before auth", _flooding(_FRAGMENTS), "")
        await stage.endure(verdict, "pings in sessions", _flooding(_PINGS), stage.token)
        await stage.endure(verdict, "frames of one byte", _flooding(_BYTES), stage.token)
        await stage.endure(verdict, "Finalize", _flooding(_FINALIZE), stage.token)
