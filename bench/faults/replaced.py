"""A reload under a hundred sessions: who was there goes on, who comes is served."""

import signal

import trio

from bench.faults.client import RESTART, App
from bench.faults.knocking import Knocker
from bench.faults.verdict import Verdict
from bench.faults.world import until, world
from bench.procfs import children

__all__ = ["run"]

_SESSIONS = 100
_PROCESSES = 2
# How long the sessions of a replaced process may go on.
_RETIRE_SECONDS = 15
_LOAD_SECONDS = 30


async def run(verdict: Verdict) -> None:
    """Half of them end by themselves in time, half have to be told."""
    changes = {"server": {"processes": _PROCESSES, "retire_seconds": _RETIRE_SECONDS}}
    async with world() as here:
        customers = await here.customers(10, 3_600_000)
        async with here.daemon(changes) as daemon, trio.open_nursery() as nursery:
            apps: list[App] = []
            for number in range(_SESSIONS):
                app = await here.session(daemon, customers[number % 10], f"s{number}")
                apps.append(app)
                nursery.start_soon(app.speak_on, 250)
                nursery.start_soon(app.listen)
            knocker = Knocker(daemon.port)
            nursery.start_soon(knocker.knock_on)
            before = children(daemon.pid)
            begun = trio.current_time()
            daemon.process.send_signal(signal.SIGHUP)
            replaced = await until(
                lambda: len(children(daemon.pid) - before) == _PROCESSES, _LOAD_SECONDS
            )
            verdict.equal("processes replaced", replaced, wanted=True)
            for app in apps[: _SESSIONS // 2]:
                await app.say({"type": "stop"})
            gone = await until(
                lambda: not before & children(daemon.pid), _RETIRE_SECONDS + _LOAD_SECONDS
            )
            verdict.equal("processes of before ended", gone, wanted=True)
            cut = [app for app in apps if app.close_code == RESTART]
            early = sum((app.ended_at or 0) - begun < _RETIRE_SECONDS for app in cut)
            verdict.equal("sessions told to reconnect", len(cut), _SESSIONS // 2)
            verdict.equal("… before their time", early, 0)
            verdict.equal("sessions cut without a word", _lost(apps), 0)
            verdict.equal("connections refused", knocker.refused, 0)
            verdict.equal("connections cut without an answer", knocker.cut, 0)
            verdict.note("connections answered meanwhile", knocker.answered)
            verdict.note("the slowest of them", f"{knocker.slowest_seconds:.2f} s")
            verdict.no_errors(daemon)
            nursery.cancel_scope.cancel()
        ended = await here.books.ended_sessions()
        verdict.equal("sessions settled", len(ended), _SESSIONS)
        heard, used = sum(here.heard_ms().values()), sum(one.used_ms for one in ended)
        verdict.equal("ms charged more or less than the engine heard", used - heard, 0)
        verdict.equal("rows at fault in the audit", await here.audited(), 0)


def _lost(apps: list[App]) -> int:
    return sum(app.last("session_end") is None for app in apps)
