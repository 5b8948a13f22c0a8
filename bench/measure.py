"""One run: the engine, a relay and the load, each a process, and what the relay cost.

The load begins session by session; once all speak and a moment of calm has passed, a mark is
set, and another one after the measured seconds. What stands in a `Run` happened between them.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import attrs
import trio

from bench import procfs
from bench.books import Books
from bench.child import Child, child
from bench.cluster import Cluster
from bench.daemon import configuration, running
from bench.load import Plan

__all__ = ["BARE", "DIRECT", "OURS", "Run", "Stage", "measure"]

OURS: Final = "relayd"
BARE: Final = "bare"
# No relay at all: the load speaks to the engine. What remains is the harness and the kernel.
DIRECT: Final = "none"

_CALM_SECONDS: Final = 2
_STARTS_PER_SECOND: Final = 60.7
_FRAMES_PER_SECOND: Final = 10
_OVER_SECONDS: Final = 20


@attrs.frozen
class Stage:
    """What all runs share."""

    cluster: Cluster
    books: Books
    tokens: tuple[str, ...]
    seconds: float


@attrs.frozen
class Run:
    """The figures of one run. Memory in KiB, times in milliseconds, CPU as shares of one core."""

    relay: str
    sessions: int
    live: int
    frames_due: int
    frames_sent: int
    frames_relayed: int
    frames_late: int
    lateness_p99_ms: float
    audio_p50_ms: float
    audio_p99_ms: float
    words: int
    words_p50_ms: float
    words_p99_ms: float
    relay_cpu: float
    relay_us_per_frame: float
    idle_rss_kib: int
    idle_pss_kib: int
    live_rss_kib: int
    live_pss_kib: int
    postgres_cpu: float
    load_cpu: float
    engine_cpu: float
    failures: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether the load kept its pace, so that the relay is what was measured."""
        return (
            not self.failures
            and self.live == self.sessions
            and self.frames_late <= self.frames_sent // 50
            and self.frames_sent >= self.frames_due * 0.98
        )


@attrs.frozen
class _Setting:
    """What was run."""

    relay: str
    sessions: int
    live: int


@attrs.frozen
class _Mark:
    """Everything's state at one moment."""

    at: float
    relay: procfs.Usage
    postgres: float
    load: float
    engine: float
    counted: dict[str, Any]
    heard: dict[str, Any]


async def measure(stage: Stage, relay: str, sessions: int) -> Run:
    """Run ``sessions`` sessions through this relay."""
    async with child("bench.engine") as engine:
        engine_port = (await engine.hear())["port"]
        async with _relay(stage, relay, engine_port) as (port, pid), child("bench.load") as load:
            idle = procfs.usage(pid or load.pid)
            plan = Plan(
                port=port,
                target="/v1/listen" if relay == DIRECT else "/ws/transcribe",
                sessions=sessions,
                starts_per_second=_STARTS_PER_SECOND,
                tokens=() if relay == DIRECT else stage.tokens,
            )
            await load.tell(json.dumps(attrs.asdict(plan)))
            live = (await load.hear())["live"]
            await trio.sleep(_CALM_SECONDS)
            before = await _mark(stage, pid, load, engine)
            await trio.sleep(stage.seconds)
            after = await _mark(stage, pid, load, engine)
            await load.tell("stop")
            over: dict[str, Any] = {"failures": ["sessions did not end"]}
            with trio.move_on_after(_OVER_SECONDS):
                over = await load.hear()
    run = _run(_Setting(relay, sessions, live), idle, before, after)
    return attrs.evolve(run, failures=(*run.failures, *over["failures"]))


@asynccontextmanager
async def _relay(stage: Stage, relay: str, engine_port: int) -> AsyncIterator[tuple[int, int]]:
    """The relay's port and process; none at all has neither."""
    engine_url = f"ws://127.0.0.1:{engine_port}"
    if relay == OURS:
        async with running(configuration(stage.books, engine_url, {})) as daemon:
            yield daemon.port, daemon.pid
    elif relay == BARE:
        async with child("bench.bare", [engine_url]) as bare:
            yield (await bare.hear())["port"], bare.pid
    else:
        yield engine_port, 0


async def _mark(stage: Stage, pid: int, load: Child, engine: Child) -> _Mark:
    counted, heard = await load.ask("mark"), await engine.ask("mark")
    return _Mark(
        at=trio.current_time(),
        relay=procfs.usage(pid or load.pid),
        postgres=stage.cluster.cpu_seconds(),
        load=counted["cpu_seconds"],
        engine=procfs.cpu_seconds(engine.pid),
        counted=counted,
        heard=heard,
    )


def _run(setting: _Setting, idle: procfs.Usage, before: _Mark, after: _Mark) -> Run:
    seconds = after.at - before.at
    cpu = 0.0 if setting.relay == DIRECT else after.relay.cpu_seconds - before.relay.cpu_seconds
    audio, words = after.heard["delays"], after.counted["words"]
    relayed = after.heard["frames"]
    return Run(
        relay=setting.relay,
        sessions=setting.sessions,
        live=setting.live,
        frames_due=round(setting.sessions * seconds * _FRAMES_PER_SECOND),
        frames_sent=after.counted["sent"],
        frames_relayed=relayed,
        frames_late=after.counted["late"],
        lateness_p99_ms=after.counted["lateness_p99_ms"],
        audio_p50_ms=audio["p50_ms"],
        audio_p99_ms=audio["p99_ms"],
        words=words["count"],
        words_p50_ms=words["p50_ms"],
        words_p99_ms=words["p99_ms"],
        relay_cpu=cpu / seconds,
        relay_us_per_frame=cpu / max(relayed, 1) * 1e6,
        idle_rss_kib=idle.rss_kib,
        idle_pss_kib=idle.pss_kib,
        live_rss_kib=after.relay.rss_kib,
        live_pss_kib=after.relay.pss_kib,
        postgres_cpu=(after.postgres - before.postgres) / seconds,
        load_cpu=(after.load - before.load) / seconds,
        engine_cpu=(after.engine - before.engine) / seconds,
        failures=tuple(after.counted["failures"]),
    )
