"""`kill -9` of one of two serving processes under forty sessions, again and again."""

import os
import random
import signal

import trio

from bench.faults.client import App
from bench.faults.kill import judge
from bench.faults.knocking import Knocker
from bench.faults.verdict import Verdict
from bench.faults.world import World, until, world
from bench.procfs import children

__all__ = ["run"]

_KILLS = 20
_QUICK_KILLS = 3
_SESSIONS = 40
_FLUSH_SECONDS = 2
_SETTLED_SECONDS = 1.0
_START_SECONDS = 20
_END_SECONDS = 10
_PROCESSES = 2
_CHANGES = {
    "server": {"processes": _PROCESSES},
    "metering": {"hold_seconds": 6, "flush_seconds": _FLUSH_SECONDS},
}


async def run(verdict: Verdict) -> None:
    """Each time with forty new sessions, of which those of the other process end in order."""
    kills = verdict.sized(_KILLS, _QUICK_KILLS)
    async with world() as here:
        customers = await here.customers(_SESSIONS, 3_600_000)
        survivors_hurt, settling, knocker = 0, 0.0, None
        async with here.daemon(_CHANGES) as daemon, trio.open_nursery() as nursery:
            knocker = Knocker(daemon.port)
            nursery.start_soon(knocker.knock_on)
            for number in range(kills):
                await until(lambda: len(children(daemon.pid)) == _PROCESSES, _START_SECONDS)
                apps = [
                    await here.session(daemon, customer, f"{number}-{index}")
                    for index, customer in enumerate(customers)
                ]
                async with trio.open_nursery() as talking:
                    for app in apps:
                        talking.start_soon(app.speak_on)
                        talking.start_soon(app.listen)
                    await trio.sleep(random.uniform(1, 3))  # noqa: S311 - a moment, not a secret
                    settling = max(settling, await _kill_one(here, daemon.pid, apps))
                    survivors_hurt += await _end_survivors(apps)
                    talking.cancel_scope.cancel()
            nursery.cancel_scope.cancel()
        verdict.equal("processes killed", kills, kills)
        verdict.at_most("seconds until its sessions were settled", settling, _SETTLED_SECONDS, "s")
        verdict.equal("sessions of the other process hurt", survivors_hurt, 0)
        verdict.equal("connections refused", knocker.refused, 0)
        verdict.at_most("requests that died with their process", knocker.cut, kills)
        verdict.note("connections answered meanwhile", knocker.answered)
        verdict.note("the slowest of them", f"{knocker.slowest_seconds:.2f} s")
        await judge(verdict, here, customers, kills=kills, flush_seconds=_FLUSH_SECONDS)


async def _kill_one(here: World, daemon_pid: int, apps: list[App]) -> float:
    """Kill one of its processes; seconds until none of its sessions is open in the ledger."""
    victim = random.choice(sorted(children(daemon_pid)))  # noqa: S311 - not a secret
    os.kill(victim, signal.SIGKILL)
    begun = trio.current_time()
    # The kernel ends a dead process's connections at once.
    await trio.sleep(0.1)
    living = sum(app.ended_at is None for app in apps)
    await here.books.until_open(living, _START_SECONDS)
    return round(trio.current_time() - begun, 2)


async def _end_survivors(apps: list[App]) -> int:
    """Stop those that still live; how many didn't end as they should."""
    await trio.sleep(0.5)
    living = [app for app in apps if app.ended_at is None]
    for app in living:
        await app.say({"type": "stop"})
    await until(lambda: all(app.ended_at is not None for app in living), _END_SECONDS)
    ends = [app.last("session_end") for app in living]
    return sum(end is None or end[1]["reason"] != "completed" for end in ends)
