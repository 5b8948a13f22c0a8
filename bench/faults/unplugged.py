"""The client's cable is pulled: nothing comes, nothing is acknowledged, nobody says why."""

from collections.abc import Awaitable, Callable
from typing import Final

import trio

from bench.daemon import Daemon, Sections
from bench.faults.cable import OURS, Cable, NoCable, cable
from bench.faults.client import App, connect_from
from bench.faults.verdict import Verdict
from bench.faults.world import World, until, world
from tests.standin import Fault, Script

__all__ = ["run"]

_TORN_DOWN_SECONDS: Final = 30.0
_PATIENCE_SECONDS: Final = 90
_SPOKEN_MS: Final = 2000

Speak = Callable[[App], Awaitable[None]]


async def run(verdict: Verdict) -> None:
    """While it speaks, while it is silent, and while the engine stalls."""
    listening = Script(result_ms=250, keep_audio=False)
    stalling = Script(fault=Fault.STALL, after_ms=500, keep_audio=False)
    cases: tuple[tuple[str, Script, Speak], ...] = (
        ("client speaks", listening, _on),
        ("client is silent", listening, _then_silent),
        ("engine stalls", stalling, _flood),
    )
    for circumstance, script, speak in cases:
        try:
            async with cable() as one, world(script) as here:
                await _pull(verdict, here, one, circumstance, speak)
        except NoCable as problem:
            verdict.note("SKIPPED, no namespace for the client", problem)
            return


async def _pull(verdict: Verdict, here: World, one: Cable, circumstance: str, speak: Speak) -> None:
    (customer,) = await here.customers(1, 3_600_000)
    # Otherwise the idle limit might be what ends it.
    changes: Sections = {"server": {"listen": [f"{OURS}:0"]}, "limits": {"idle_seconds": 600}}
    async with here.daemon(changes) as daemon:
        app = await connect_from(await one.open_socket(), OURS, daemon.port)
        answer = await app.open(customer.token, {"interim_results": True})
        if answer.get("type") != "ready":
            raise RuntimeError(f"the session was refused: {answer}")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(app.listen)
            nursery.start_soon(speak, app)
            # Then the stream runs, or has come to a standstill.
            await trio.sleep(_SPOKEN_MS / 1000)
            await one.pull()
            await _note_end(verdict, here, daemon, circumstance)
            nursery.cancel_scope.cancel()
        app.stream.socket.close()
        verdict.no_errors(daemon, during=circumstance)
    verdict.equal("rows at fault in the audit", await here.audited(), 0)


async def _note_end(verdict: Verdict, here: World, daemon: Daemon, circumstance: str) -> None:
    left_at = trio.current_time()

    async def note_closed() -> None:
        await until(lambda: here.engine_connections() == 0, _PATIENCE_SECONDS)
        state("engine closed")

    async def note_settled() -> None:
        await here.books.until_settled(_PATIENCE_SECONDS)
        state("settled")

    def state(what: str) -> None:
        seconds = round(trio.current_time() - left_at, 2)
        verdict.at_most(f"{circumstance}: {what}", seconds, _TORN_DOWN_SECONDS, "s")

    assert daemon.process.poll() is None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(note_closed)
        nursery.start_soon(note_settled)


async def _on(app: App) -> None:
    await app.speak_on()


async def _then_silent(app: App) -> None:
    await app.speak_on(most_ms=_SPOKEN_MS // 2)


async def _flood(app: App) -> None:
    await app.speak_on(pace=100)
