"""Replayed TLS hellos against a key that is slow to sign with, beside paying streams over TLS.

Each hello has the daemon sign once, for a client that sends recorded bytes and computes nothing.
"""

import json
import socket
import ssl
import struct
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import attrs
import trio

from bench.books import open_books
from bench.certificate import RSA_4096, Certificate, make_certificate
from bench.child import Child, child, module
from bench.cluster import cluster
from bench.daemon import Daemon, configuration, running
from bench.faults.verdict import Verdict
from bench.load import Plan
from bench.upstream import upstream
from relayd.config import Server

__all__ = ["run"]

_STREAMS: Final = 20
_SECONDS: Final = 10
_QUICK_SECONDS: Final = 4
_LAG_MS: Final = 20
# Of one address, as it was seen to take 94 % of a core and 42 ms.
_PER_SECOND: Final = 196
# Signed for within a second, at most: what the configuration allows, and the second's edges.
_BOUND: Final = Server().connections_per_second
_ANSWER_BYTES: Final = 1024
_ANSWER_SECONDS: Final = 5
_RESET: Final = struct.pack("ii", 1, 0)


def recorded_hello() -> bytes:
    """What a client says first; the same bytes again and again are good enough."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    heard, said = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(heard, said, server_hostname="relay.example.org")
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        return said.read()
    raise AssertionError("a handshake without a server")


@attrs.define(eq=False)
class Attackers:
    """So many hellos a second, from these addresses in turn. ``seen``: what became of them."""

    port: int
    addresses: Sequence[str]
    hello: bytes = attrs.field(factory=recorded_hello)
    seen: Counter[str] = attrs.field(factory=Counter)

    async def go_on(self, per_second: float) -> None:
        """Until cancelled, at this pace whatever the daemon answers."""
        due = trio.current_time()
        async with trio.open_nursery() as nursery:
            while True:
                address = self.addresses[self.seen["sent"] % len(self.addresses)]
                self.seen["sent"] += 1
                nursery.start_soon(self._replay, address)
                due += 1 / per_second
                await trio.sleep_until(due)

    async def _replay(self, address: str) -> None:
        try:
            stream = await trio.open_tcp_stream("127.0.0.1", self.port, local_address=address)
            async with stream:
                # No port of ours waits for the rest of a connection that nobody wants.
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                with trio.move_on_after(_ANSWER_SECONDS):
                    await stream.send_all(self.hello)
                    answer = await stream.receive_some(_ANSWER_BYTES)
                    self.seen["signed for" if answer else "refused"] += 1
        except (OSError, trio.BrokenResourceError):
            self.seen["refused"] += 1


@attrs.frozen
class Stage:
    """A daemon with paying streams, and who measures their delays."""

    daemon: Daemon
    load: Child
    seconds: float

    async def words(self) -> dict[str, float]:
        """The delays of their words from here on, for a while."""
        await self.load.ask("mark")
        await trio.sleep(self.seconds)
        await self.load.ask("mark")
        return await self.load.ask("delays")

    async def endure(self, attackers: Attackers) -> dict[str, float]:
        """The same under attack."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(attackers.go_on, _PER_SECOND)
            words = await self.words()
            nursery.cancel_scope.cancel()
        return words


async def run(verdict: Verdict) -> None:
    """From one address, which is bounded; then from eight: together they take their turns."""
    seconds = verdict.sized(_SECONDS, _QUICK_SECONDS)
    async with staged(verdict, _STREAMS, seconds) as stage:
        _tell(verdict, "nobody", await stage.words())
        one = Attackers(stage.daemon.port, ["127.0.5.1"])
        _tell(verdict, "one address", await stage.endure(one))
        verdict.note("one address: hellos", dict(one.seen))
        signed = one.seen["signed for"] / stage.seconds
        verdict.at_most("one address: signed for a second", round(signed, 1), _BOUND * 1.2)
        eight = Attackers(stage.daemon.port, [f"127.0.6.{number}" for number in range(1, 9)])
        _tell(verdict, "eight addresses", await stage.endure(eight))
        verdict.note("eight addresses: hellos", dict(eight.seen))


def _tell(verdict: Verdict, name: str, words: dict[str, float]) -> None:
    verdict.note(f"{name}: delay of words, p50, ms", round(words["p50_ms"], 2))
    verdict.at_most(f"{name}: delay of words, p99", round(words["p99_ms"], 2), _LAG_MS, "ms")


@asynccontextmanager
async def staged(verdict: Verdict, streams: int, seconds: float) -> AsyncIterator[Stage]:
    """So many paying streams; each window is measured for so long."""
    async with (
        cluster() as server,
        open_books(await server.create("relayd")) as books,
        upstream(100, None) as engine,
    ):
        with tempfile.TemporaryDirectory(prefix="relayd-bench-") as directory:
            signing = await make_certificate(Path(directory), RSA_4096)
            # As an operator has it: what bounds the attack is the default.
            sections = configuration(books, engine.url, _changes(signing))
            customers = [await books.customer(3_600_000) for _ in range(streams)]
            async with running(sections) as daemon, child(module("bench.load")) as load:
                plan = Plan(
                    port=daemon.port,
                    target="/ws/transcribe",
                    sessions=streams,
                    frame_ms=100,
                    starts_per_second=_BOUND / 2,
                    tokens=tuple(one.token for one in customers),
                    authority=str(signing.certificate),
                )
                await load.tell(json.dumps(attrs.asdict(plan)))
                verdict.equal("streams", (await load.hear())["live"], streams)
                yield Stage(daemon, load, seconds)
                await load.tell("stop")
                verdict.equal("streams that failed", len((await load.hear())["failures"]), 0)
                verdict.no_errors(daemon)


def _changes(signing: Certificate) -> dict[str, dict[str, object]]:
    return {
        "server": {
            "tls_certificate": str(signing.certificate),
            "tls_key": str(signing.key),
            "connections_per_second": _BOUND,
        }
    }
