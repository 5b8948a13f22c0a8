"""PostgreSQL is away for 3, 10 and 60 s under twenty running recordings: every finish lands."""

import random
from typing import Final

import trio

from bench.faults.archive import archive
from bench.faults.verdict import Verdict

__all__ = ["run"]

_OUTAGES: Final = (3, 10, 60)
_QUICK_OUTAGES: Final = (3,)
_SLOTS: Final = 20
_AUDIO_MS: Final = 60_000
# Recordings end before, during and after the outage.
_BEFORE_SECONDS: Final = 1.0
_AFTER_SECONDS: Final = 5.0
_SETTLED_SECONDS: Final = 60


async def run(verdict: Verdict) -> None:
    """The worker lives through all three."""
    async with archive({"batch": {"running_per_user": _SLOTS}}) as here:
        customer = await here.books.customer(1_000_000_000)
        await here.worker(_SLOTS)
        for away_seconds in verdict.sized(_OUTAGES, _QUICK_OUTAGES):
            for _ in range(_SLOTS):
                seconds = random.uniform(0.5, away_seconds + _AFTER_SECONDS)  # noqa: S311 - no secret
                await here.hand_in(customer, _AUDIO_MS, seconds)
            await trio.sleep(_BEFORE_SECONDS)
            running = (await here.states())["running"]
            await here.cluster.kill()
            await trio.sleep(away_seconds)
            await here.cluster.start()
            over = await here.until_over(_SETTLED_SECONDS)
            verdict.note(f"running when it went, for {away_seconds} s", running)
            verdict.equal("every recording ended", over, wanted=True)
            verdict.equal("recordings done", (await here.states())["done"], here.handed_in)
        verdict.equal("attempts counted", await here.attempts_counted(), 0)
        verdict.equal("ms charged wrongly", await here.charged_wrongly_ms(), 0)
        verdict.equal("rows at fault in the audit", len(await here.books.audit()), 0)
        verdict.equal("errors logged", len(here.errors()), 0)
