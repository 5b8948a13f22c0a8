"""`kill -9` in the middle of sessions, again and again; the next daemon settles what it left."""

import random

import trio

from bench.books import Customer
from bench.faults.verdict import Verdict
from bench.faults.world import World, world

__all__ = ["judge", "run"]

_KILLS = 20
_QUICK_KILLS = 3
_STREAMS = 4
_FLUSH_SECONDS = 2
_SWEEP_SECONDS = 1
# Short, so that what is dead is soon taken for dead; longer than hold and flush together, and than
# one slow beat.
_DEAD_SECONDS = 12
_METERING = {
    "metering": {
        "hold_seconds": 6,
        "flush_seconds": _FLUSH_SECONDS,
        "heartbeat_seconds": 1,
        "dead_seconds": _DEAD_SECONDS,
        "sweep_seconds": _SWEEP_SECONDS,
    }
}


async def run(verdict: Verdict) -> None:
    """Each time another set of streams, killed at a moment nobody chose."""
    kills = verdict.sized(_KILLS, _QUICK_KILLS)
    async with world() as here:
        customers = await here.customers(_STREAMS, 3_600_000)
        for number in range(kills):
            await _run_and_kill(here, customers, number)
        async with here.daemon(_METERING):
            settled = await here.books.until_settled(3 * _DEAD_SECONDS)
        verdict.equal("daemons killed", kills, kills)
        verdict.equal("every session settled by the next daemons", settled, wanted=True)
        await judge(verdict, here, customers, kills=kills, flush_seconds=_FLUSH_SECONDS)


async def _run_and_kill(here: World, customers: list[Customer], number: int) -> None:
    async with here.daemon(_METERING) as daemon, trio.open_nursery() as nursery:
        for stream, customer in enumerate(customers):
            app = await here.session(daemon, customer, f"{number}-{stream}")
            nursery.start_soon(app.speak_on)
            nursery.start_soon(app.listen)
        await trio.sleep(random.uniform(1, 5))  # noqa: S311 - a moment, not a secret
        await daemon.kill()
        # What the kernel took before the kill still reaches the engine.
        await trio.sleep(0.3)


async def judge(
    verdict: Verdict, here: World, customers: list[Customer], *, kills: int, flush_seconds: int
) -> None:
    """What each kill cost, and the books: a session of every customer's was live at each.

    Sessions are named "kill-customer", both by their number.
    """
    heard = here.heard_ms()
    ended = await here.books.ended_sessions()
    verdict.equal("sessions settled", len(ended), kills * len(customers))
    # Sessions of one user follow each other in the order of the kills.
    over, lost = 0, 0
    for index, customer in enumerate(customers):
        own = sorted((s for s in ended if s.email == customer.email), key=lambda s: s.started_at)
        for number, session in enumerate(own):
            gap = heard[f"{number}-{index}"] - session.used_ms
            over, lost = max(over, -gap), max(lost, gap)
    verdict.equal("most that a session was charged beyond what the engine heard", over, 0)
    verdict.at_most("most that a kill lost of a session", lost, flush_seconds * 1000, "ms")
    held = [(await here.books.balance(one)).held_ms for one in customers]
    verdict.equal("ms held afterwards", sum(held), 0)
    verdict.equal("rows at fault in the audit", await here.audited(), 0)
