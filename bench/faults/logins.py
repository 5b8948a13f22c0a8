"""Twenty logins at once beside twenty live streams, and whom they delay."""

import json
import time

import attrs
import trio

from bench.books import Books, open_books
from bench.child import Child, child, module
from bench.cluster import cluster
from bench.daemon import Daemon, configuration, running
from bench.faults.http import request
from bench.faults.verdict import Verdict
from bench.load import Plan
from bench.stamps import percentile
from bench.upstream import upstream

__all__ = ["run"]

_STREAMS = 20
_PASSWORD = "a password of some length"  # noqa: S105 - of accounts that live for a minute
_LAG_MS = 10
_QUIET_SECONDS = 5
_PROBE_SECONDS = 0.05


async def run(verdict: Verdict) -> None:
    """Accounts made over HTTP, so that their hashes cost what real ones cost."""
    async with (
        cluster() as server,
        open_books(await server.create("relayd")) as books,
        upstream(100, None) as upstreams,
    ):
        engine = upstreams.process
        changes = {"limits": {"streams_per_user": 2}}
        sections = configuration(books, upstreams.url, changes)
        async with running(sections) as daemon, child(module("bench.load")) as load:
            plan = Plan(
                port=daemon.port,
                target="/ws/transcribe",
                sessions=_STREAMS,
                frame_ms=100,
                starts_per_second=20,
                tokens=await _tokens(books, daemon),
            )
            await load.tell(json.dumps(attrs.asdict(plan)))
            verdict.equal("streams", (await load.hear())["live"], _STREAMS)
            await _window(verdict, "without logins", daemon, load, engine, logins=0)
            await _window(verdict, "20 logins at once", daemon, load, engine, logins=_STREAMS)
            await load.tell("stop")
            await load.hear()
            verdict.no_errors(daemon)


async def _tokens(books: Books, daemon: Daemon) -> tuple[str, ...]:
    tokens = []
    for number in range(_STREAMS):
        email = f"login{number}@example.org"
        account = {"email": email, "password": _PASSWORD}
        _, answer = await request(daemon.port, "POST", "/auth/register", account)
        tokens.append(answer["token"])
        user = await books.accounts.find(email)
        if user is not None:
            await books.wallet.grant(user.id, 3_600_000, "benchmark", email)
    return tuple(tokens)


async def _window(
    verdict: Verdict, name: str, daemon: Daemon, load: Child, engine: Child, *, logins: int
) -> None:
    """Measure for some quiet seconds, or for as long as the logins take."""
    await engine.ask("mark")
    await load.ask("mark")
    trips: list[int] = []
    answers: list[tuple[int, float]] = []
    begun = trio.current_time()
    async with trio.open_nursery() as probing:
        probing.start_soon(_probe, daemon.port, trips)
        if logins:
            async with trio.open_nursery() as nursery:
                for number in range(logins):
                    nursery.start_soon(_log_in, daemon.port, number, answers)
        else:
            await trio.sleep(_QUIET_SECONDS)
        probing.cancel_scope.cancel()
    await engine.ask("mark")
    await load.ask("mark")
    verdict.note(f"{name}: seconds", round(trio.current_time() - begun, 2))
    if logins:
        good = sum(status == 200 for status, _ in answers)  # noqa: PLR2004
        verdict.equal("logins that succeeded", good, logins)
    audio, words = await engine.ask("delays"), await load.ask("delays")
    verdict.at_most(f"{name}: delay of audio, p99", round(audio["p99_ms"], 2), _LAG_MS, "ms")
    verdict.note(f"{name}: delay of audio, worst, ms", round(audio["max_ms"], 2))
    verdict.at_most(f"{name}: delay of words, p99", round(words["p99_ms"], 2), _LAG_MS, "ms")
    probed = percentile(sorted(trips), 99)
    verdict.note(f"{name}: /health/live round trip, p99, ms", round(probed, 2))


async def _log_in(port: int, number: int, answers: list[tuple[int, float]]) -> None:
    account = {"email": f"login{number}@example.org", "password": _PASSWORD}
    begun = trio.current_time()
    # Of one address no more than twelve are looked at together.
    source = f"127.0.1.{number + 1}"
    status, _ = await request(port, "POST", "/auth/login", account, source=source)
    answers.append((status, trio.current_time() - begun))


async def _probe(port: int, trips: list[int]) -> None:
    while True:
        begun = time.monotonic_ns()
        await request(port, "GET", "/health/live")
        trips.append(time.monotonic_ns() - begun)
        await trio.sleep(_PROBE_SECONDS)
