"""The recogniser processes: bounded, started ahead, never left behind.

Every process has a keeper, a task in the pool's nursery that starts it, watches it and, however
it is cancelled, kills and reaps it. A process serves one stream: nothing of one user's speech
is left in it for the next, and what a decoder leaks ends with the stream.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import trio

from relayd import config, logs
from relayd.engines.local.model import LocalModel
from relayd.engines.local.process import REAP_SECONDS, RecogniserProcess
from relayd.errors import UpstreamClosed, UpstreamUnavailable
from relayd.quotas.counters import Counters
from relayd.quotas.limits import Cap, Quotas

__all__ = ["WorkerPool", "open_pool"]

log = logs.get(__name__)

# A process that fails is not replaced at once, so that a broken installation does not spin:
# after 1, 2, 4, … seconds.
BACKOFF_SECONDS_MAX: Final = 30

BUSY: Final = "All local recognisers are busy. Try again shortly."
NOT_STARTED: Final = "The local recogniser could not be started. Try again shortly."


class WorkerPool:
    """At most ``workers_max`` processes, ``workers_spare`` of them ready and waiting.

    Invariant: keepers (so processes: starting, ready, lent, dying) ≤ ``workers_max``.
    """

    def __init__(
        self,
        model: LocalModel,
        settings: config.LocalProcesses,
        nursery: trio.Nursery,
        quotas: Quotas,
    ) -> None:
        self._model = model
        self._settings = settings
        self._nursery = nursery
        # Where several processes serve, theirs are counted together.
        self._quotas = quotas
        self._place = [Cap(f"{model.section} processes", settings.workers_max)]
        self._keepers = 0
        # Streams that have a process or wait for one; at most ``workers_max``.
        self._streams = 0
        # At most one for each keeper.
        self._ready: list[RecogniserProcess] = []
        self._arrival = trio.lowlevel.ParkingLot()
        self._failures = 0
        self._last_failure = ""
        self._refill()

    @property
    def ready(self) -> tuple[int, ...]:
        """The process ids that wait for a stream."""
        return tuple(worker.process.pid for worker in self._ready)

    async def wait_ready(self) -> None:
        """Wait until a stream would get a process at once.

        Raises UpstreamUnavailable when there is none within ``open_seconds``.
        """
        with trio.move_on_after(self._settings.open_seconds):
            await trio.lowlevel.checkpoint()
            while not self._ready:
                await self._arrival.park()
            return
        failure = f"; the last one failed: {self._last_failure}" if self._last_failure else ""
        raise UpstreamUnavailable(
            NOT_STARTED,
            f"no recogniser process was ready within {self._model.section}.open_seconds{failure}",
        )

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[RecogniserProcess]:
        """Lend a process; it is killed and reaped when the context is left.

        Raises UpstreamUnavailable when all are lent, or none could be started in time.
        """
        if await self._quotas.enter(self._place) is not None:
            raise UpstreamUnavailable(
                BUSY,
                f"all {self._settings.workers_max} recogniser processes are in use:"
                f" raise {self._model.section}.workers_max if this machine has the cores",
            )
        self._streams += 1
        try:
            self._refill()
            await self.wait_ready()
            worker = self._ready.pop(0)
            worker.lent = True
        except BaseException:
            self._streams -= 1
            self._quotas.leave(self._place)
            raise
        try:
            yield worker
        finally:
            # First, so that the keeper, which sees the process end, does not start one too many.
            self._streams -= 1
            with trio.move_on_after(REAP_SECONDS, shield=True):
                await worker.kill()
            self._quotas.leave(self._place)

    def _refill(self) -> None:
        """Start what is missing: a process for every stream, and the spare ones."""
        wanted = min(self._settings.workers_max, self._streams + self._settings.workers_spare)
        while self._keepers < wanted:
            self._keepers += 1
            self._nursery.start_soon(self._keep)

    async def _keep(self) -> None:
        """One process from its start to its end, then whatever is missing."""
        try:
            problem = await self._start_and_watch()
            if problem is not None:
                await self._pause_after(problem)
        finally:
            self._keepers -= 1
        self._refill()

    async def _start_and_watch(self) -> str | None:
        """Return what went wrong; None when the process was lent, and so served its purpose."""
        worker: RecogniserProcess | None = None
        try:
            worker = await RecogniserProcess.start(self._model)
            with trio.fail_after(self._settings.open_seconds):
                message = await worker.read()
            assert message == {"ready": True}
            self._failures = 0
            self._ready.append(worker)
            self._arrival.unpark_all()
            await worker.process.wait()
        except trio.TooSlowError:
            return f"not ready within {self._settings.open_seconds} s"
        except (OSError, UpstreamClosed) as error:
            return str(error)
        else:
            return None if worker.lent else f"ended while unused ({worker.status})"
        finally:
            if worker is not None:
                if worker in self._ready:
                    self._ready.remove(worker)
                with trio.move_on_after(REAP_SECONDS, shield=True):
                    await worker.kill()

    async def _pause_after(self, problem: str) -> None:
        log.warning("recogniser process failed", problem=problem)
        self._last_failure = problem
        pause = min(2**self._failures, BACKOFF_SECONDS_MAX)
        self._failures += 1
        await trio.sleep(pause)


@asynccontextmanager
async def open_pool(
    model: LocalModel, settings: config.LocalProcesses, quotas: Quotas | None = None
) -> AsyncIterator[WorkerPool]:
    """A pool that starts its spare processes now; leaving it kills and reaps all of them.

    Raises MissingExtra where the model's packages are not installed.
    """
    model.require()
    async with trio.open_nursery() as nursery:
        yield WorkerPool(model, settings, nursery, Counters() if quotas is None else quotas)
        nursery.cancel_scope.cancel(reason="the pool of recognisers is closed")
