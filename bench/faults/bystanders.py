"""Sessions of other people that must not notice anything."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from bench.daemon import Daemon
from bench.faults.client import NORMAL, App
from bench.faults.verdict import Verdict
from bench.faults.world import World

__all__ = ["bystanders"]

_COUNT = 3


@asynccontextmanager
async def bystanders(verdict: Verdict, here: World, daemon: Daemon) -> AsyncIterator[None]:
    """Three of them speak while entered; afterwards all their words must have come."""
    customers = await here.customers(_COUNT, 3_600_000)
    apps: list[App] = []
    async with trio.open_nursery() as nursery:
        for number, customer in enumerate(customers):
            app = await here.session(daemon, customer, f"bystander-{number}")
            apps.append(app)
            nursery.start_soon(app.speak_on)
            nursery.start_soon(app.listen)
        yield
        said_ms = [app.sent_ms for app in apps]
        for app in apps:
            # One that was cut can't be told any more, and is counted below.
            with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                await app.say({"type": "stop"})
    completed = sum(map(_undisturbed, apps, said_ms))
    verdict.equal("other sessions undisturbed", completed, _COUNT)
    verdict.equal("daemon ended", daemon.process.poll(), None)
    verdict.no_errors(daemon)


def _undisturbed(app: App, said_ms: int) -> bool:
    """It ended when it wanted to, and words came for all that it had said by then."""
    end, words = app.last("session_end"), app.last("transcript")
    if end is None or words is None or end[1]["reason"] != "completed":
        return False
    heard_ms = round((words[1]["start"] + words[1]["duration"]) * 1000)
    return app.close_code == NORMAL and heard_ms >= said_ms
