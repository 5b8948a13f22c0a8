"""Fifty sessions of five users drain their balances at four times live pace, on two daemons."""

import trio

from bench.faults.client import NO_CREDIT, App
from bench.faults.verdict import Verdict
from bench.faults.world import world

__all__ = ["run"]

_USERS = 5
_STREAMS = 10
_BOUGHT_MS = 200_000
_SECONDS_MAX = 120


async def run(verdict: Verdict) -> None:
    """Each user buys a little more than the last one, to end in the middle of a frame."""
    limits = {"limits": {"streams_per_user": _STREAMS}}
    async with world() as here, here.daemon(limits) as one, here.daemon(limits) as two:
        customers = [await here.books.customer(_BOUGHT_MS + 137 * n) for n in range(_USERS)]
        apps: list[App] = []
        in_time = False
        with trio.move_on_after(_SECONDS_MAX):
            for number in range(_USERS * _STREAMS):
                customer = customers[number % _USERS]
                daemon = (one, two)[number // _USERS % 2]
                apps.append(await here.session(daemon, customer, customer.email))
            async with trio.open_nursery() as nursery:
                for app in apps:
                    nursery.start_soon(app.speak_on, 200, 4)
                    nursery.start_soon(app.listen)
            in_time = True
        verdict.equal("all sessions ended", in_time, wanted=True)
        heard = here.heard_ms()
        over = [max(heard[each.email] - each.bought_ms, 0) for each in customers]
        verdict.equal("ms overspent", sum(over), 0)
        left = [(await here.books.balance(each)).balance_ms for each in customers]
        verdict.equal("ms bought and not usable", sum(left), 0)
        unheard = [max(each.bought_ms - heard[each.email], 0) for each in customers]
        verdict.equal("ms paid and not heard by the engine", sum(unheard), 0)
        held = [(await here.books.balance(each)).held_ms for each in customers]
        verdict.equal("ms held afterwards", sum(held), 0)
        codes = [app.close_code for app in apps]
        verdict.equal("sessions closed with 4402", codes.count(NO_CREDIT), len(apps))
        verdict.equal("rows at fault in the audit", await here.audited(), 0)
        verdict.no_errors(one, two)
