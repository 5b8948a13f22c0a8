"""A worker assembled from the configuration: `relayd worker`, and the one inside `relayd serve`.

    engines
    └─ presence: a boot of its own
       └─ worker ── jobs

Its boot is its own also within a process that serves: who took a job is told from who serves a
stream, and each is buried by itself.
"""

import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final
from uuid import UUID, uuid4

import attrs
import trio

from relayd import logs
from relayd.background import guarded, keep
from relayd.config import Config
from relayd.daemon.keeping import migrate_schema, patience_of
from relayd.database.opening import open_configured
from relayd.database.pool import Pool
from relayd.engines.files import open_file_engines
from relayd.errors import MissingExtra, RelaydError
from relayd.ledger import sweeper
from relayd.ledger.neighbours import Neighbours
from relayd.ledger.presence import Presence
from relayd.media.limits import MediaLimits
from relayd.media.recordings import RecordingOpener
from relayd.speech.catalogue import Catalogue
from relayd.storage.opening import open_storage
from relayd.threads import Threads
from relayd.worker.performing import Workplace
from relayd.worker.transcribing import Studio, sweep
from relayd.worker.worker import Worker, manner_of

__all__ = ["beside", "run", "work"]

log = logs.get(__name__)

OpenEngines = Callable[[Config], AbstractAsyncContextManager[Catalogue]]

# Of a worker to the database, beside one for each of its jobs: to claim, and to look after others.
CONNECTIONS_BESIDE: Final = 2
# Below the files' directory: sound on its way to an engine.
SCRATCH: Final = "work"
# Below the data directory: who works on this machine.
NEIGHBOURS: Final = "workers"
# Between two looks for neighbours that died.
NEIGHBOURS_SECONDS: Final = 0.5
# Before a worker that failed begins anew.
AGAIN_SECONDS: Final = 5.0


async def run(
    config: Config,
    slots: int,
    *,
    started: Callable[[str], None],
    stop: trio.Event | None = None,
    engines: OpenEngines = open_file_engines,
) -> None:
    """Be a worker of its own process until a signal, or until ``stop`` is set.

    ``started`` is called once with what this worker is. Raises OperatorError or
    DatabaseUnavailable where it can't start.
    """
    stopped = trio.Event() if stop is None else stop
    threads = Threads.build(database=slots + CONNECTIONS_BESIDE)
    settings = attrs.evolve(config.database, pool_size=slots + CONNECTIONS_BESIDE)
    boot_id = uuid4()
    async with (
        open_configured(settings, threads.database) as database,
        trio.open_nursery() as nursery,
    ):
        await migrate_schema(database)
        if stop is None:
            nursery.start_soon(_obey_signals, stopped, nursery.cancel_scope)
        nursery.start_soon(sweeper.run_sweeper, database, boot_id, patience_of(config))
        started(f"relayd worker takes {slots} recordings at once, boot {boot_id}")
        await work(config, database, slots, stopped, boot_id=boot_id, engines=engines)
        nursery.cancel_scope.cancel()


async def work(
    config: Config,
    database: Pool,
    slots: int,
    stop: trio.Event,
    *,
    boot_id: UUID,
    engines: OpenEngines = open_file_engines,
) -> None:
    """Claim jobs until ``stop`` is set, and then until what runs is done or given back.

    Raises MissingExtra where recordings can't be opened on this machine.
    """
    free = trio.Semaphore(slots, max_value=slots)
    presence = Presence(database, boot_id, config.metering.heartbeat_seconds)
    neighbours = Neighbours(config.database.data_directory / NEIGHBOURS)
    await trio.to_thread.run_sync(sweep, config.files_directory / SCRATCH)
    async with engines(config) as catalogue:
        place = open_workplace(config, database, catalogue, free)
        worker = Worker(
            database, database.conninfo, boot_id, place, free, config.server.drain_seconds
        )
        with neighbours.joined(boot_id):
            async with presence.kept() as nursery:
                nursery.start_soon(_end_dead, neighbours, database)
                await worker.run(stop)
            if presence.farewell_said:
                neighbours.forget(boot_id)


@asynccontextmanager
async def beside(config: Config, database: Pool, stop: trio.Event) -> AsyncIterator[None]:
    """Have a worker of `[batch] workers` slots while entered; it drains when ``stop`` is set.

    A fault of its ends no stream. Where recordings can't be opened on this machine, it says so and
    leaves them to other workers.
    """
    slots = config.batch.workers

    async def work_on() -> None:
        while slots and not stop.is_set():
            try:
                with guarded("the worker failed"):
                    await work(config, database, slots, stop, boot_id=uuid4())
            except MissingExtra as error:
                log.warning("recordings are left to other workers", problem=str(error))
                return
            except RelaydError as error:
                log.warning("the worker waits", problem=str(error))
            if not stop.is_set():
                await trio.sleep(AGAIN_SECONDS)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(work_on)
        yield
        # Also where nobody asked for an end, but what serves is over.
        stop.set()


async def _end_dead(neighbours: Neighbours, database: Pool) -> None:
    """End the boots of workers that died on this machine; their jobs are then queued again."""

    async def look() -> None:
        for boot_id in await trio.to_thread.run_sync(neighbours.dead):
            log.warning("a worker of this machine died", boot=boot_id)
            await sweeper.end_boot(database, boot_id)
            neighbours.forget(boot_id)
        await trio.sleep(NEIGHBOURS_SECONDS)

    await keep("looking after neighbours", look)


def open_workplace(
    config: Config, database: Pool, catalogue: Catalogue, free: trio.Semaphore
) -> Workplace:
    """What every job is performed with, as configured."""
    assert free.max_value is not None
    store = open_storage(config.storage, config.files_directory).store
    limits = MediaLimits(config.batch.audio_minutes_max * 60)
    studio = Studio(
        store,
        RecordingOpener(limits, at_once=free.max_value),
        free,
        config.files_directory / SCRATCH,
    )
    manner = manner_of(config.batch)
    return Workplace(database, store, studio, catalogue, manner, config.batch.keep_audio)


async def _obey_signals(stop: trio.Event, everything: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            log.info("signal received", signal=signal.Signals(number).name)
            if stop.is_set():
                everything.cancel()
            stop.set()
