"""How many frames a second several processes of relayd carry, and one.

``python -m bench.processes --processes 1 2``: each process has a core, which it shares with a
load generator and an engine of its own; PostgreSQL runs on all of these cores. So one process on
one core is compared with twice the same on two. Nobody is paced: each app sends its next frame
of 100 ms as soon as the words of the one before are back, and what gets through a second is what
the cores can carry.
"""

import argparse
import contextlib
import itertools
import json
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

import attrs
import trio

from bench import procfs
from bench.child import Child, child, module
from bench.cluster import Cluster
from bench.cores import pin
from bench.daemon import Daemon, configuration, running
from bench.load import Plan
from bench.stage import Stage, stage
from bench.table import document, markdown
from bench.upstream import Upstream, upstream

__all__ = ["Carried", "main", "missed", "render"]

_PAGE: Final = Path(__file__).parent.parent / "docs" / "performance.md"
_UPSTREAMS: Final = ("plain", "TLS")
# How many times the frames of one process two must carry.
_TWO_LEAST: Final = 1.8
_FRAME_MS: Final = 100
_STARTS_PER_SECOND: Final = 40
_CALM_SECONDS: Final = 3
_ARRIVAL_SECONDS: Final = 20
_POLL_SECONDS: Final = 0.1
_COLUMNS: Final = (
    "upstream",
    "processes",
    "frames a second",
    "times one",
    "CPU µs per frame",
    "shares of their cores",
    "cores busy",
    "with others",
)


@attrs.frozen
class Carried:
    """What so many processes carried.

    ``shares`` are of the core that each process was on. ``busy`` is the share of these cores'
    time in which anything ran: near 1, they were what bounded it. ``others`` is the part of it
    that belonged to nothing of this benchmark: well above 0, the run says little.
    """

    tls: bool
    processes: int
    frames_per_second: float
    us_per_frame: float
    shares: tuple[float, ...]
    busy: float
    others: float


@attrs.frozen
class _Mark:
    """Everything's state at one moment; CPU of each worker, and of all that is there for it."""

    at: float
    frames: int
    cpu_seconds: tuple[float, ...]
    all_seconds: float
    idle_seconds: float


@attrs.define(eq=False)
class _World:
    """Processes of relayd, and a core, a load and an engine for each."""

    cluster: Cluster
    daemon: Daemon
    cores: list[int]
    workers: list[int]
    engines: list[Upstream]
    loads: list[Child]

    async def perform(self, plan: Plan, seconds: float) -> tuple[_Mark, _Mark]:
        """Let all apps of all loads speak, and watch them for so many seconds."""
        for load in self.loads:
            await load.tell(json.dumps(attrs.asdict(plan)))
        for load in self.loads:
            began = await load.hear()
            if began["live"] != plan.sessions:
                raise SystemExit(f"{began['live']} of {plan.sessions} sessions: {began}")
        # Only now: who fills the cores keeps others from opening a session.
        for load in self.loads:
            await load.tell("hurry")
        await trio.sleep(_CALM_SECONDS)
        before = await self._mark()
        await trio.sleep(seconds)
        after = await self._mark()
        await self._end()
        return before, after

    async def _mark(self) -> _Mark:
        heard = [(await engine.process.ask("mark"))["frames"] for engine in self.engines]
        cpu_seconds = tuple(map(procfs.cpu_seconds, self.workers))
        own = [one.process.pid for one in self.engines] + [load.pid for load in self.loads]
        own += procfs.family(self.daemon.pid)
        all_seconds = sum(map(procfs.cpu_seconds, own)) + self.cluster.cpu_seconds()
        idle_seconds = sum(map(procfs.idle_seconds, self.cores))
        return _Mark(trio.current_time(), sum(heard), cpu_seconds, all_seconds, idle_seconds)

    async def _end(self) -> None:
        """Fall silent and leave; what was sent must have arrived."""
        for load in self.loads:
            await load.tell("hush")
        sent = sum([(await load.ask("mark"))["frames"] for load in self.loads])
        until = trio.current_time() + _ARRIVAL_SECONDS
        while (heard := (await self._mark()).frames) != sent:
            if trio.current_time() > until:
                raise SystemExit(f"{heard} of {sent} frames arrived")
            await trio.sleep(_POLL_SECONDS)
        for load in self.loads:
            await load.tell("stop")
        for load in self.loads:
            over = await load.hear()
            if over["failures"]:
                raise SystemExit(f"sessions did not end: {over}")


def main() -> None:
    """Measure, print, and write down where asked; exit code 1 when too little is carried."""
    arguments = _arguments()
    usable = sorted(os.sched_getaffinity(0))
    most = max(arguments.processes)
    if most > len(usable):
        raise SystemExit(f"{most} processes need as many cores; here are {len(usable)}")
    found = trio.run(_measure_all, arguments, usable)
    text = render(found)
    sys.stdout.write(f"\n{text}")
    if arguments.write:
        document(_PAGE, "processes", f"{_circumstances(arguments)}\n\n{text}")
    if missed(found):
        raise SystemExit(1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.processes", description=__doc__)
    parser.add_argument("--processes", nargs="+", type=int, default=[1, 2], metavar="N")
    parser.add_argument("--upstreams", nargs="+", choices=_UPSTREAMS, default=list(_UPSTREAMS))
    parser.add_argument("--sessions", type=int, default=200, help="for each process")
    parser.add_argument("--seconds", type=float, default=10.0, help="measured, of each run")
    parser.add_argument("--rounds", type=int, default=3, help="how often each run is repeated")
    parser.add_argument("--write", action="store_true", help="put the table into the docs")
    return parser.parse_args()


async def _measure_all(arguments: argparse.Namespace, usable: list[int]) -> list[Carried]:
    found = []
    async with stage() as shared:
        for _, way, processes in itertools.product(
            range(arguments.rounds), arguments.upstreams, arguments.processes
        ):
            cores = usable[:processes]
            one = await _measure(shared, cores, arguments, tls=way == "TLS")
            found.append(one)
            sys.stderr.write(
                f"{way:5} {processes} processes: {one.frames_per_second:.0f} frames a second\n"
            )
    return found


async def _measure(
    shared: Stage, cores: list[int], arguments: argparse.Namespace, *, tls: bool
) -> Carried:
    """Let one process on each of these cores carry what it can."""
    for pid in shared.cluster.pids():
        pin(pid, set(cores))
    async with contextlib.AsyncExitStack() as stack:
        certificate = shared.certificate if tls else None
        engines: list[Upstream] = []
        for _ in cores:
            port = engines[0].port if engines else 0
            starting = upstream(_FRAME_MS, certificate, result_ms=_FRAME_MS, port=port)
            engines.append(await stack.enter_async_context(starting))
        changes = {"server": {"processes": len(cores)}}
        sections = configuration(shared.books, engines[0].url, changes)
        daemon = await stack.enter_async_context(running(sections, engines[0].trusted))
        loads = [await stack.enter_async_context(child(module("bench.load"))) for _ in cores]
        workers = _workers(daemon, len(cores))
        for core, worker, engine, load in zip(cores, workers, engines, loads, strict=True):
            for pid in (worker, engine.process.pid, load.pid):
                pin(pid, {core})
        plan = Plan(
            port=daemon.port,
            target="/ws/transcribe",
            sessions=arguments.sessions,
            frame_ms=_FRAME_MS,
            starts_per_second=_STARTS_PER_SECOND,
            tokens=shared.tokens,
        )
        there = _World(shared.cluster, daemon, cores, workers, engines, loads)
        before, after = await there.perform(plan, arguments.seconds)
    return _carried(before, after, tls=tls)


def _workers(daemon: Daemon, processes: int) -> list[int]:
    """The processes that carry sessions: the supervisor's children, where there is one."""
    own, *below = procfs.family(daemon.pid)
    workers = below or [own]
    if len(workers) != processes:
        raise SystemExit(f"{len(workers)} processes carry sessions instead of {processes}")
    return workers


def _carried(before: _Mark, after: _Mark, *, tls: bool) -> Carried:
    seconds, frames = after.at - before.at, after.frames - before.frames
    used = [end - begin for begin, end in zip(before.cpu_seconds, after.cpu_seconds, strict=True)]
    busy = 1 - (after.idle_seconds - before.idle_seconds) / seconds / len(used)
    own = (after.all_seconds - before.all_seconds) / seconds / len(used)
    return Carried(
        tls=tls,
        processes=len(used),
        frames_per_second=frames / seconds,
        us_per_frame=sum(used) / frames * 1e6,
        shares=tuple(one / seconds for one in used),
        busy=busy,
        others=busy - own,
    )


def missed(found: Sequence[Carried]) -> bool:
    """Whether two processes carry less than they must, with either upstream."""
    ways = dict.fromkeys(one.tls for one in found)
    times = [_times_one(found, tls=tls, processes=2) for tls in ways]
    return any(one is not None and round(one, 2) < _TWO_LEAST for one in times)


def render(found: Sequence[Carried]) -> str:
    """Medians of the rounds."""
    rows: list[tuple[str, ...]] = [_COLUMNS]
    for tls, processes in dict.fromkeys((one.tls, one.processes) for one in found):
        here = [one for one in found if (one.tls, one.processes) == (tls, processes)]
        times = _times_one(found, tls=tls, processes=processes)
        shares = [median(column) for column in zip(*(sorted(o.shares) for o in here), strict=True)]
        rows.append(
            (
                "TLS" if tls else "plain",
                str(processes),
                f"{median(one.frames_per_second for one in here):.0f}",
                f"{times:.2f}" if times else "-",
                f"{median(one.us_per_frame for one in here):.0f}",
                ", ".join(f"{share:.2f}" for share in shares),
                f"{median(one.busy for one in here):.2f}",
                f"{median(one.others for one in here):.2f}",
            )
        )
    return markdown(rows)


def _rate(found: Sequence[Carried], *, tls: bool, processes: int) -> float | None:
    kind = (tls, processes)
    rates = [one.frames_per_second for one in found if (one.tls, one.processes) == kind]
    return median(rates) if rates else None


def _times_one(found: Sequence[Carried], *, tls: bool, processes: int) -> float | None:
    rate = _rate(found, tls=tls, processes=processes)
    alone = _rate(found, tls=tls, processes=1)
    return rate / alone if rate and alone else None


def _circumstances(arguments: argparse.Namespace) -> str:
    return (
        f"`python -m bench.processes --processes {' '.join(map(str, arguments.processes))} "
        f"--sessions {arguments.sessions} --seconds {arguments.seconds:g} "
        f"--rounds {arguments.rounds}` on {procfs.machine()}. Python {platform.python_version()}."
    )


if __name__ == "__main__":
    main()
