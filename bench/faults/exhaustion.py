"""Credit runs out in mid-sentence: the last words come, nothing unpaid is passed on."""

import trio

from bench.books import Customer
from bench.faults.client import NO_CREDIT, App
from bench.faults.verdict import Verdict
from bench.faults.world import world

__all__ = ["run"]

_USERS = 10
_BOUGHT_MS = 4_000


async def run(verdict: Verdict) -> None:
    """Ten users with some seconds each, no two the same, speak until they are cut off."""
    async with world() as here, here.daemon() as daemon:
        customers = [await here.books.customer(_BOUGHT_MS + 137 * n) for n in range(_USERS)]
        apps: dict[str, App] = {}
        paid_until: dict[str, float] = {}
        async with trio.open_nursery() as nursery:
            for one in customers:
                apps[one.email] = await here.session(daemon, one, one.email)
                nursery.start_soon(_speak, apps[one.email], one, paid_until)
                nursery.start_soon(apps[one.email].listen)
        heard = here.heard_ms()
        verdict.equal(
            "ms forwarded past the last paid one",
            sum(max(heard[one.email] - one.bought_ms, 0) for one in customers),
            0,
        )
        verdict.equal(
            "ms paid and not forwarded",
            sum(max(one.bought_ms - heard[one.email], 0) for one in customers),
            0,
        )
        ended = [(app.ended_at or 0) - paid_until[email] for email, app in apps.items()]
        verdict.at_most("last paid byte to close 4402, slowest", round(max(ended), 3), 2, "s")
        _check_endings(verdict, list(apps.values()), customers)
        verdict.equal("rows at fault in the audit", await here.audited(), 0)
        verdict.no_errors(daemon)


def _check_endings(verdict: Verdict, apps: list[App], customers: list[Customer]) -> None:
    verdict.equal("sessions closed with 4402", sum(a.close_code == NO_CREDIT for a in apps), _USERS)
    errors = [app.last("error") for app in apps]
    codes = [one[1]["code"] for one in errors if one]
    verdict.equal("told insufficient_credits", codes.count("insufficient_credits"), _USERS)
    verdict.equal("session_end was the last message", sum(_ended_last(a) for a in apps), _USERS)
    last_words = 0
    for app, one in zip(apps, customers, strict=True):
        found = app.last("transcript")
        end_ms = round((found[1]["start"] + found[1]["duration"]) * 1000) if found else 0
        last_words += abs(end_ms - one.bought_ms) <= 1
    verdict.equal("words delivered up to the last paid ms", last_words, _USERS)


def _ended_last(app: App) -> bool:
    return bool(app.heard) and app.heard[-1][1].get("type") == "session_end"


async def _speak(app: App, customer: Customer, paid_until: dict[str, float]) -> None:
    # Up to the frame that holds the last paid byte, then on as if nothing were.
    await app.speak_on(most_ms=-(-customer.bought_ms // 100) * 100)
    paid_until[customer.email] = trio.current_time() - 0.1
    await app.speak_on()
