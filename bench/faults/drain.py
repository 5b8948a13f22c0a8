"""SIGTERM with a hundred live sessions, ten of which don't read."""

import trio

from bench.faults.client import RESTART, App
from bench.faults.verdict import Verdict
from bench.faults.world import world

__all__ = ["run"]

_SESSIONS = 100
_DEAF = 10
_DRAIN_SECONDS = 10


async def run(verdict: Verdict) -> None:
    """Every one of them speaks at live pace."""
    async with world() as here:
        customers = await here.customers(10, 3_600_000)
        async with here.daemon({"server": {"drain_seconds": _DRAIN_SECONDS}}) as daemon:
            apps: list[App] = []
            async with trio.open_nursery() as nursery:
                for number in range(_SESSIONS):
                    app = await here.session(daemon, customers[number % 10], f"s{number}")
                    apps.append(app)
                    nursery.start_soon(app.speak_on, 250)
                    if number >= _DEAF:
                        nursery.start_soon(app.listen)
                await trio.sleep(3)
                begun = trio.current_time()
                code = await daemon.drain()
                took = trio.current_time() - begun
                await trio.sleep(0.5)
                nursery.cancel_scope.cancel()
            verdict.equal("exit code", code, 0)
            verdict.at_most("seconds to exit", round(took, 2), _DRAIN_SECONDS + 2, "s")
            verdict.no_errors(daemon)
        reading = apps[_DEAF:]
        verdict.equal(
            "reading clients that saw 1012",
            sum(a.close_code == RESTART for a in reading),
            len(reading),
        )
        verdict.equal(
            "… and session_end",
            sum(a.last("session_end") is not None for a in reading),
            len(reading),
        )
        verdict.equal("sessions left open in the ledger", await here.books.open_sessions(), 0)
        ended = await here.books.ended_sessions()
        verdict.equal("sessions settled", len(ended), _SESSIONS)
        heard, used = sum(here.heard_ms().values()), sum(one.used_ms for one in ended)
        verdict.equal("ms charged more or less than the engine heard", used - heard, 0)
        verdict.equal("rows at fault in the audit", await here.audited(), 0)
