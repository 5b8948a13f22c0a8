"""`kill -9` of workers, again and again, while recordings run: none is lost or paid twice."""

import random
from typing import Final
from uuid import UUID

import trio

from bench.daemon import Sections
from bench.faults.archive import Archive, archive
from bench.faults.verdict import Verdict

__all__ = ["run"]

_KILLS: Final = 50
_QUICK_KILLS: Final = 5
_WORKERS: Final = 2
_SLOTS: Final = 4
_USERS: Final = 5
_RECORDINGS: Final = 150
_QUICK_RECORDINGS: Final = 20
_AUDIO_MS: Final = 60_000
_LONGEST_SECONDS: Final = 3.0
_LOOK_SECONDS: Final = 0.05
_DEAD_SECONDS: Final = 4.5
# Short, so that what is dead is soon taken for dead; longer than hold and flush together, and than
# one slow beat.
_SHORT: Final[Sections] = {
    "metering": {
        "hold_seconds": 2,
        "flush_seconds": 0.5,
        "heartbeat_seconds": 0.5,
        "dead_seconds": _DEAD_SECONDS,
        "sweep_seconds": 0.2,
    },
    "database": {"pool_seconds": 1, "statement_seconds": 2, "lock_seconds": 1},
}


async def run(verdict: Verdict) -> None:
    """Each time the worker that is next in turn, at a moment nobody chose."""
    kills = verdict.sized(_KILLS, _QUICK_KILLS)
    recordings = verdict.sized(_RECORDINGS, _QUICK_RECORDINGS)
    async with archive(_SHORT) as here:
        customers = [await here.books.customer(1_000_000_000) for _ in range(_USERS)]
        for number in range(recordings):
            seconds = random.uniform(0.1, _LONGEST_SECONDS)  # noqa: S311 - no secret
            await here.hand_in(customers[number % _USERS], _AUDIO_MS, seconds)
        waits = await _kill_all(here, kills)
        over = await here.until_over(120)
        verdict.equal("workers killed", len(waits), kills)
        longest = round(max(waits), 2)
        verdict.at_most("longest until nothing was a dead one's", longest, _DEAD_SECONDS + 1, "s")
        verdict.equal("every recording ended", over, wanted=True)
        # One at which so many workers died is taken for the cause of it.
        given_up = await here.given_up()
        verdict.note("recordings at which too many died, so that they failed", given_up)
        done = (await here.states())["done"]
        verdict.equal("the others that are done", done, recordings - given_up)
        verdict.equal("ms charged wrongly", await here.charged_wrongly_ms(), 0)
        verdict.equal("rows at fault in the audit", len(await here.books.audit()), 0)
        verdict.equal("errors logged", len(here.errors()), 0)


async def _kill_all(here: Archive, kills: int) -> list[float]:
    """How long after each kill nothing belonged to the dead worker any more."""
    waits: list[float] = []

    async def await_burial(boot_id: UUID, killed_at: float) -> None:
        while await here.owned(boot_id):  # noqa: ASYNC110 - only the database knows
            await trio.sleep(_LOOK_SECONDS)
        waits.append(trio.current_time() - killed_at)

    # One survives: who is killed takes what it saw of others' beats with it.
    await here.worker(1)
    living = [await here.worker(_SLOTS) for _ in range(_WORKERS)]
    async with trio.open_nursery() as nursery:
        for _ in range(kills):
            await trio.sleep(random.uniform(0.1, 1))  # noqa: S311 - a moment, not a secret
            hand = living.pop(0)
            boot_id = hand.boot_id
            await hand.kill()
            nursery.start_soon(await_burial, boot_id, trio.current_time())
            living.append(await here.worker(_SLOTS))
    return waits
