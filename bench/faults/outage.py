"""PostgreSQL is killed and comes back, ten times, under twenty live sessions."""

import trio

from bench.faults.client import App
from bench.faults.verdict import Verdict
from bench.faults.world import world

__all__ = ["run"]

_OUTAGES = 10
_QUICK_OUTAGES = 2
_SESSIONS = 20
_DOWN_SECONDS = 4
_UP_SECONDS = 4
_FLUSH = {"metering": {"flush_seconds": 1}}


async def run(verdict: Verdict) -> None:
    """An outage is far shorter than a hold, so nobody may notice."""
    outages = verdict.sized(_OUTAGES, _QUICK_OUTAGES)
    async with world() as here, here.daemon(_FLUSH) as daemon:
        customers = await here.customers(_SESSIONS, 3_600_000)
        apps: list[App] = []
        longest = 0.0
        async with trio.open_nursery() as nursery:
            for number, customer in enumerate(customers):
                app = await here.session(daemon, customer, f"s{number}")
                apps.append(app)
                nursery.start_soon(app.speak_on, 100)
                nursery.start_soon(app.listen)
            for _ in range(outages):
                await trio.sleep(_UP_SECONDS)
                down_at = trio.current_time()
                await here.cluster.kill()
                await trio.sleep(_DOWN_SECONDS)
                await here.cluster.start()
                longest = max(longest, trio.current_time() - down_at)
            await trio.sleep(_UP_SECONDS)
            alive = sum(app.ended_at is None for app in apps)
            for app in apps:
                if app.ended_at is None:
                    await app.say({"type": "stop"})
        settled = await here.books.until_settled(15)
        verdict.note("times PostgreSQL was killed", outages)
        verdict.note("longest outage, seconds", round(longest, 1))
        verdict.equal("sessions alive after the last outage", alive, _SESSIONS)
        completed = sum(_reason(app) == "completed" for app in apps)
        verdict.equal("sessions completed", completed, _SESSIONS)
        verdict.equal("all settled", settled, wanted=True)
        ended = await here.books.ended_sessions()
        difference = sum(one.used_ms for one in ended) - sum(here.heard_ms().values())
        verdict.equal("ms charged more or less than the engine heard", difference, 0)
        verdict.equal("rows at fault in the audit", await here.audited(), 0)
        verdict.equal("daemon ended", daemon.process.poll(), None)
        verdict.no_errors(daemon)


def _reason(app: App) -> str:
    found = app.last("session_end")
    return str(found[1]["reason"]) if found else f"none, close code {app.close_code}"
