"""One PostgreSQL, one stand-in engine that counts what it hears, and daemons as processes."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import attrs
import trio

from bench.books import Books, Customer, open_books
from bench.cluster import Cluster, cluster
from bench.daemon import Daemon, Sections, configuration, running
from bench.faults.client import BYTES_PER_MS, App, connect
from tests.standin import Record, Script, StandIn

__all__ = ["World", "until", "world"]

_POLL_SECONDS: Final = 0.02
_ESTABLISHED: Final = "01"


@attrs.define(eq=False)
class World:
    """What every driver works in."""

    cluster: Cluster
    books: Books
    engine: StandIn
    engine_port: int

    def daemon(
        self, changes: Sections | None = None, *, piped: bool = False
    ) -> AbstractAsyncContextManager[Daemon]:
        """A daemon on this database and this engine while entered; see `running`."""
        engine_url = f"ws://127.0.0.1:{self.engine_port}"
        return running(configuration(self.books, engine_url, changes or {}), piped=piped)

    async def customers(self, count: int, bought_ms: int) -> list[Customer]:
        """So many accounts with this credit each."""
        return [await self.books.customer(bought_ms) for _ in range(count)]

    async def session(
        self, daemon: Daemon, customer: Customer, label: str = "", **config: Any
    ) -> App:
        """An open session; the engine files its audio under the label."""
        app = await connect(daemon.port)
        labelled = {"search": [label]} if label else {}
        answer = await app.open(customer.token, {"interim_results": True, **labelled, **config})
        if answer.get("type") != "ready":
            raise RuntimeError(f"the session was refused: {answer}")
        return app

    def heard_ms(self) -> Counter[str]:
        """Milliseconds of audio that the engine heard, by label."""
        heard: Counter[str] = Counter()
        for record in self.engine.records:
            heard[label_of(record)] += record.audio_bytes // BYTES_PER_MS
        return heard

    def engine_connections(self) -> int:
        """Connections to the engine that their owner has not closed."""
        return sum(row.peer_port == self.engine_port for row in established())

    def unread(self, port: int) -> int:
        """Bytes that came for the daemon on this port and that it has not read."""
        return sum(row.unread for row in established() if row.port == port)

    async def audited(self) -> int:
        """How many rows break an identity of the books."""
        return len(await self.books.audit())


class Connected(NamedTuple):
    """One end of an open connection, as the kernel sees it. Sizes in bytes."""

    port: int
    peer_port: int
    unsent: int
    unread: int


def established() -> list[Connected]:
    """Every open connection over IPv4."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    found = []
    for row in rows:
        if row[3] == _ESTABLISHED:
            ports = [int(address.rpartition(":")[2], 16) for address in row[1:3]]
            queued = [int(size, 16) for size in row[4].split(":")]
            found.append(Connected(*ports, *queued))
    return found


def label_of(record: Record) -> str:
    """What the client called this stream."""
    return next(iter(record.query.get("search", ())), "")


async def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait for something outside this process; whether it came in time."""
    deadline = trio.current_time() + seconds
    while not condition():
        if trio.current_time() > deadline:
            return False
        await trio.sleep(_POLL_SECONDS)
    return True


@asynccontextmanager
async def world(*scripts: Script) -> AsyncIterator[World]:
    """Everything but the daemons. The engine's connections take these scripts in turn."""
    engine = StandIn(scripts=list(scripts) or [Script(result_ms=250, keep_audio=False)])
    async with (
        cluster() as server,
        open_books(await server.create("relayd")) as books,
        trio.open_nursery() as nursery,
    ):
        port = await nursery.start(engine.serve, "127.0.0.1", 0)
        yield World(server, books, engine, port)
        nursery.cancel_scope.cancel()
