"""One run: the engine, a relay and the load, each a process, and what the relay cost.

The load begins session by session; once all speak and a moment of calm has passed, a mark is
set, and another one after the measured seconds: delays and CPU are those between the two. Then
the apps fall silent, and a second later everything that was sent must have arrived.
"""

import json
from typing import Any, Final

import attrs
import trio

from bench import procfs
from bench.child import Child, child, module
from bench.cluster import Cluster
from bench.cores import Cores, pin
from bench.load import Plan
from bench.relays import DIRECT, relay
from bench.run import Case, Run
from bench.stage import Stage
from bench.upstream import upstream

__all__ = ["measure"]

_CALM_SECONDS: Final = 2
_ARRIVAL_SECONDS: Final = 1
_STARTS_PER_SECOND: Final = 121.3
_OVER_SECONDS: Final = 20


@attrs.frozen
class _Mark:
    """Everything's state at one moment: CPU in seconds, and what load and engine counted."""

    at: float
    relay: procfs.Usage
    idle: float
    postgres: float
    load: float
    engine: float
    said: dict[str, int]
    heard: dict[str, int]


@attrs.frozen
class _Course:
    """How a run went."""

    live: int
    before: _Mark
    after: _Mark
    final: _Mark
    words: dict[str, Any]
    audio: dict[str, Any]
    failures: tuple[str, ...]


@attrs.define(eq=False)
class _Scene:
    """The processes of one run, and where they are."""

    cores: Cores
    cluster: Cluster
    engine: Child
    load: Child
    relay_pid: int

    async def perform(self, plan: Plan, seconds: float) -> _Course:
        """Let the load do what it shall, and watch."""
        await self.load.tell(json.dumps(attrs.asdict(plan)))
        live = (await self.load.hear())["live"]
        await trio.sleep(_CALM_SECONDS)
        before = await self._mark()
        await trio.sleep(seconds)
        after = await self._mark()
        words, audio = await self.load.ask("delays"), await self.engine.ask("delays")
        await self.load.tell("hush")
        await trio.sleep(_ARRIVAL_SECONDS)
        final = await self._mark()
        await self.load.tell("stop")
        over: dict[str, Any] = {"failures": ["sessions did not end"]}
        with trio.move_on_after(_OVER_SECONDS):
            over = await self.load.hear()
        return _Course(live, before, after, final, words, audio, tuple(over["failures"]))

    async def _mark(self) -> _Mark:
        said, heard = await self.load.ask("mark"), await self.engine.ask("mark")
        return _Mark(
            at=trio.current_time(),
            relay=self._relay_usage(),
            idle=sum(map(procfs.idle_seconds, self.cores.relay)),
            postgres=self.cluster.cpu_seconds(),
            load=procfs.cpu_seconds(self.load.pid),
            engine=procfs.cpu_seconds(self.engine.pid),
            said=said,
            heard=heard,
        )

    def _relay_usage(self) -> procfs.Usage:
        # Nothing where there is no relay.
        return procfs.usage(self.relay_pid) if self.relay_pid else procfs.Usage(0, 0, 0)


async def measure(stage: Stage, cores: Cores, seconds: float, name: str, case: Case) -> Run:
    """Let this relay carry this case, and watch it for so many seconds."""
    certificate = stage.certificate if case.tls else None
    async with (
        upstream(case.frame_ms, certificate) as engine,
        relay(name, stage.books, engine) as (port, pid),
        child(module("bench.load")) as load,
    ):
        for one in procfs.family(pid) if pid else ():
            pin(one, cores.relay)
        plan = Plan(
            port=port,
            target="/v1/listen" if name == DIRECT else "/ws/transcribe",
            sessions=case.sessions,
            frame_ms=case.frame_ms,
            starts_per_second=_STARTS_PER_SECOND,
            tokens=() if name == DIRECT else stage.tokens,
        )
        scene = _Scene(cores, stage.cluster, engine.process, load, pid)
        return _run(case, name, await scene.perform(plan, seconds))


def _run(case: Case, name: str, course: _Course) -> Run:
    """The figures: differences between two marks, totals at the end."""
    before, after, final = course.before, course.after, course.final
    seconds = after.at - before.at
    cpu = after.relay.cpu_seconds - before.relay.cpu_seconds
    relayed = after.heard["frames"] - before.heard["frames"]
    return Run(
        case=case,
        relay=name,
        live=course.live,
        frames_due=round(case.frames_per_second * seconds),
        frames_measured=after.said["frames"] - before.said["frames"],
        frames_late=course.words["late"],
        lateness_p99_ms=course.words["lateness_p99_ms"],
        frames_sent=final.said["frames"],
        frames_relayed=final.heard["frames"],
        results_said=final.heard["results"],
        results_delivered=final.said["results"],
        audio_p50_ms=course.audio["p50_ms"],
        audio_p99_ms=course.audio["p99_ms"],
        words_p50_ms=course.words["p50_ms"],
        words_p99_ms=course.words["p99_ms"],
        relay_cpu=cpu / seconds,
        relay_us_per_frame=cpu / max(relayed, 1) * 1e6,
        others_cpu=0.0 if name == DIRECT else 1 - (after.idle - before.idle + cpu) / seconds,
        live_pss_kib=after.relay.pss_kib,
        postgres_cpu=(after.postgres - before.postgres) / seconds,
        load_cpu=(after.load - before.load) / seconds,
        engine_cpu=(after.engine - before.engine) / seconds,
        failures=course.failures,
    )
