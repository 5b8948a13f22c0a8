"""Paying streams beside an attack, and who measures how late their words come."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import attrs

from bench.books import Books, open_books
from bench.child import Child, child, module
from bench.cluster import cluster
from bench.daemon import Daemon, Sections, configuration, running
from bench.faults.verdict import Verdict
from bench.load import Plan
from bench.upstream import upstream

__all__ = ["STREAMS", "Paying", "paying", "tell"]

STREAMS: Final = 20
_LAG_MS: Final = 20
_STARTS_PER_SECOND: Final = 20


@attrs.frozen
class Paying:
    """A daemon with live streams, and the process that speaks on them."""

    daemon: Daemon
    books: Books
    load: Child

    async def begin(self) -> None:
        """Delays count from here on."""
        await self.load.ask("mark")

    async def delays(self) -> dict[str, float]:
        """Those of words since then, in milliseconds."""
        await self.load.ask("mark")
        return await self.load.ask("delays")


def tell(verdict: Verdict, name: str, words: dict[str, float]) -> None:
    """The figures of what was endured."""
    verdict.note(f"{name}: delay of words, p50, ms", round(words["p50_ms"], 2))
    verdict.at_most(f"{name}: delay of words, p99", round(words["p99_ms"], 2), _LAG_MS, "ms")


@asynccontextmanager
async def paying(verdict: Verdict, changes: Sections, authority: str = "") -> AsyncIterator[Paying]:
    """Twenty of them while entered; over TLS where the certificate's authority is named."""
    async with (
        cluster() as server,
        open_books(await server.create("relayd")) as books,
        upstream(100, None) as engine,
    ):
        customers = [await books.customer(3_600_000) for _ in range(STREAMS)]
        sections = configuration(books, engine.url, changes)
        async with running(sections) as daemon, child(module("bench.load")) as load:
            plan = Plan(
                port=daemon.port,
                target="/ws/transcribe",
                sessions=STREAMS,
                frame_ms=100,
                starts_per_second=_STARTS_PER_SECOND,
                tokens=tuple(one.token for one in customers),
                authority=authority,
            )
            await load.tell(json.dumps(attrs.asdict(plan)))
            verdict.equal("streams", (await load.hear())["live"], STREAMS)
            yield Paying(daemon, books, load)
            await load.tell("stop")
            verdict.equal("streams that failed", len((await load.hear())["failures"]), 0)
            verdict.no_errors(daemon)
        verdict.equal("rows at fault in the audit", len(await books.audit()), 0)
