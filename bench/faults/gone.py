"""The client is gone: by FIN, by RST, or silently; while the engine listens, or stalls."""

import trio

from bench.daemon import Daemon
from bench.faults.client import App
from bench.faults.verdict import Verdict
from bench.faults.world import World, until, world
from tests.standin import Fault, Script

__all__ = ["run"]

_TIMES = 3
_QUICK_TIMES = 1
_GONE_SECONDS = 1.0
_HALF_OPEN_SECONDS = 30.0
# What the daemon did not read in this time it won't.
_PIECE_MS = 1000
_STUCK_SECONDS = 0.3
_STALLS = "engine stalls"
# The client's process is gone, but its kernel still holds audio that has to go out first.
_BEHIND = "FIN behind audio"


async def run(verdict: Verdict) -> None:
    """Every way to leave, several times each; then one that says nothing at all."""
    listening = Script(result_ms=250, keep_audio=False)
    stalling = Script(fault=Fault.STALL, after_ms=500, keep_audio=False)
    async with world(listening) as here:
        for way in ("FIN", "RST"):
            await _leave(verdict, here, way, "engine listens")
    async with world(stalling) as here:
        for way in ("FIN", "RST", _BEHIND):
            await _leave(verdict, here, way, _STALLS)
    async with world(listening) as here:
        await _vanish(verdict, here)


async def _leave(verdict: Verdict, here: World, way: str, circumstance: str) -> None:
    (customer,) = await here.customers(1, 3_600_000)
    closed: list[float] = []
    settled: list[float] = []
    stalled = circumstance == _STALLS
    async with here.daemon() as daemon:
        for _ in range(verdict.sized(_TIMES, _QUICK_TIMES)):
            app = await here.session(daemon, customer)
            await (_fill(here, daemon, app) if stalled else app.speak_on(most_ms=1000))
            match way:
                case "FIN":
                    await app.stream.send_eof()
                case "RST":
                    app.reset()
                case _:
                    await _overfill(app)
                    app.stream.socket.close()
            left_at = trio.current_time()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_note_closed, here, left_at, closed)
                nursery.start_soon(_note_settled, here, left_at, settled)
        verdict.no_errors(daemon, during=f"{way}, {circumstance}")
    verdict.at_most(
        f"{way}, {circumstance}: engine closed, slowest", round(max(closed), 3), _GONE_SECONDS, "s"
    )
    verdict.at_most(
        f"{way}, {circumstance}: settled, slowest", round(max(settled), 3), _GONE_SECONDS, "s"
    )
    verdict.equal("rows at fault in the audit", await here.audited(), 0)


async def _vanish(verdict: Verdict, here: World) -> None:
    """The socket stays open and its owner does nothing any more, not even answer a ping."""
    (customer,) = await here.customers(1, 3_600_000)
    closed: list[float] = []
    settled: list[float] = []
    # Otherwise the idle limit might be what ends it.
    async with here.daemon({"limits": {"idle_seconds": 600}}) as daemon:
        app = await here.session(daemon, customer)
        await app.speak_on(most_ms=1000)
        left_at = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_note_closed, here, left_at, closed)
            nursery.start_soon(_note_settled, here, left_at, settled)
        app.reset()
    for what, seconds in (("engine closed", closed[0]), ("settled", settled[0])):
        verdict.at_most(f"half-open client: {what}", round(seconds, 2), _HALF_OPEN_SECONDS, "s")


async def _fill(here: World, daemon: Daemon, app: App) -> None:
    """Speak until the daemon reads no more, because its engine doesn't; the FIN still fits."""
    stuck = False
    while not stuck:
        await app.speak(_PIECE_MS)
        stuck = not await until(lambda: here.unread(daemon.port) == 0, _STUCK_SECONDS)


async def _overfill(app: App) -> None:
    """Speak until the client's own socket takes no more, reading what comes meanwhile."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(app.listen)
        with trio.move_on_after(_STUCK_SECONDS) as full:
            while True:
                await app.speak(_PIECE_MS)
                full.deadline = trio.current_time() + _STUCK_SECONDS
        nursery.cancel_scope.cancel()


async def _note_closed(here: World, left_at: float, closed: list[float]) -> None:
    await until(lambda: here.engine_connections() == 0, 60)
    closed.append(trio.current_time() - left_at)


async def _note_settled(here: World, left_at: float, settled: list[float]) -> None:
    await here.books.until_settled(60)
    settled.append(trio.current_time() - left_at)
