"""Floods of strangers, and of somebody who has credit, beside paying streams."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import attrs
import trio

from bench.books import open_books
from bench.child import Child, child, module
from bench.cluster import cluster
from bench.daemon import Daemon, configuration, running
from bench.faults.client import MASK, App, connect
from bench.faults.verdict import Verdict
from bench.load import Plan
from bench.upstream import upstream
from bench.wire import BINARY, PING, TEXT, frame

__all__ = ["run"]

_STREAMS: Final = 20
_ATTACKERS: Final = 100
_SECONDS: Final = 8
_QUICK_SECONDS: Final = 3
_LAG_MS: Final = 20
# Of each attacker, for the slow flood: together 2 MB/s.
_PIECE_BYTES: Final = 2000
_PIECE_SECONDS: Final = 0.1
_AGAIN_SECONDS: Final = 0.5

_PINGS: Final = frame(PING, b"", MASK) * 10_000
_FRAGMENTS: Final = frame(TEXT, b"", MASK, final=False) + frame(0, b"", MASK, final=False) * 10_000
_BYTES: Final = frame(BINARY, b"x", MASK) * 10_000
_FINALIZE: Final = frame(TEXT, b'{"type":"Finalize"}', MASK) * 1000

Attack = Callable[[App], Awaitable[None]]


@attrs.frozen
class Stage:
    """A daemon with paying streams, and who measures their delays."""

    daemon: Daemon
    load: Child
    token: str

    async def endure(self, verdict: Verdict, name: str, attack: Attack | None, who: str) -> None:
        """So many attackers at once; one that is cut comes again."""
        await self.load.ask("mark")
        with trio.move_on_after(verdict.sized(_SECONDS, _QUICK_SECONDS)):
            async with trio.open_nursery() as nursery:
                if attack is not None:
                    for _ in range(_ATTACKERS):
                        nursery.start_soon(self._attack_on, attack, who)
                await trio.sleep_forever()
        await self.load.ask("mark")
        words = await self.load.ask("delays")
        verdict.note(f"{name}: delay of words, p50, ms", round(words["p50_ms"], 2))
        verdict.at_most(f"{name}: delay of words, p99", round(words["p99_ms"], 2), _LAG_MS, "ms")

    async def _attack_on(self, attack: Attack, token: str) -> None:
        while True:
            try:
                app = await connect(self.daemon.port)
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
    async with _staged(verdict) as stage:
        await stage.endure(verdict, "nobody", None, "")
        await stage.endure(verdict, "pings before auth", _flooding(_PINGS), "")
        await stage.endure(verdict, "pings before auth at 2 MB/s", _trickling, "")
        await stage.endure(verdict, "fragments before auth", _flooding(_FRAGMENTS), "")
        await stage.endure(verdict, "pings in sessions", _flooding(_PINGS), stage.token)
        await stage.endure(verdict, "frames of one byte", _flooding(_BYTES), stage.token)
        await stage.endure(verdict, "Finalize", _flooding(_FINALIZE), stage.token)


@asynccontextmanager
async def _staged(verdict: Verdict) -> AsyncIterator[Stage]:
    # As an operator has it: what bounds a flood are the defaults.
    changes = {
        "server": {"connections_per_second": 50},
        "limits": {"streams_per_user": 2, "opens_per_minute": 30},
    }
    async with (
        cluster() as server,
        open_books(await server.create("relayd")) as books,
        upstream(100, None) as engine,
    ):
        customers = [await books.customer(3_600_000) for _ in range(_STREAMS)]
        attacker = await books.customer(3_600_000)
        sections = configuration(books, engine.url, changes)
        async with running(sections) as daemon, child(module("bench.load")) as load:
            plan = Plan(
                port=daemon.port,
                target="/ws/transcribe",
                sessions=_STREAMS,
                frame_ms=100,
                starts_per_second=20,
                tokens=tuple(one.token for one in customers),
            )
            await load.tell(json.dumps(attrs.asdict(plan)))
            verdict.equal("streams", (await load.hear())["live"], _STREAMS)
            yield Stage(daemon, load, attacker.token)
            await load.tell("stop")
            failures = (await load.hear())["failures"]
            verdict.equal("streams that failed", len(failures), 0)
            verdict.no_errors(daemon)
        verdict.equal("rows at fault in the audit", len(await books.audit()), 0)
