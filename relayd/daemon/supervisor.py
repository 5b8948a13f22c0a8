"""Several processes that serve, and the one that keeps them.

    supervisor   listening sockets, schema, embedded PostgreSQL, quotas, sweeping, payments
    ├─ process 1     a boot, a door, its sessions
    └─ process 2     …

All accept from the same sockets, which the supervisor holds: whoever dies or is replaced, nobody
who connects is refused. A process that died is buried (its sessions are settled) and started again
at once; one that goes on dying, ever more slowly.
"""

from collections.abc import Callable, Collection
from typing import Final
from uuid import UUID

import attrs
import trio

from relayd import logs
from relayd.config import Config
from relayd.daemon.entrance import Entrance
from relayd.daemon.keeping import Keeping
from relayd.daemon.notify import Manager
from relayd.daemon.process import Process
from relayd.daemon.settings import processes_of
from relayd.errors import ConfigError, OperatorError
from relayd.ledger.succession import Seat
from relayd.quotas.counters import Counters

__all__ = ["Supervisor"]

log = logs.get(__name__)

# A process that lived for less than this is started again after 0.5, 1, 2, … seconds.
SHORT_LIFE_SECONDS: Final = 10.0
BACKOFF_SECONDS: Final = 0.5
BACKOFF_SECONDS_MAX: Final = 30.0
# A process must serve by then: loading, a connection to PostgreSQL, an engine.
START_SECONDS: Final = 60.0
# After the drain, for closing what is open.
GRACE_SECONDS: Final = 5.0
# At the end, for settling what a process left that had to be killed. Whoever serves this database
# next settles what then isn't.
SETTLE_SECONDS: Final = 5.0


@attrs.define(eq=False)
class Supervisor:
    """The serving processes of one daemon. ``reread`` reads the configuration anew."""

    config: Config
    entrance: Entrance
    keeping: Keeping
    seat: Seat
    manager: Manager
    stop: trio.Event
    reread: Callable[[], Config] | None = None
    counters: Counters = attrs.field(factory=Counters)
    # By slot, those that accept; in _living, those too that retire.
    _serving: dict[int, Process] = attrs.field(factory=dict)
    _living: set[Process] = attrs.field(factory=set)
    _short_lives: dict[int, int] = attrs.field(factory=dict)
    _reloading: trio.Lock = attrs.field(factory=trio.Lock)
    _nursery: trio.Nursery | None = None

    async def run(self, started: Callable[[], object]) -> None:
        """Serve until ``stop`` is set and every process has drained.

        Raises `OperatorError` where a process can't serve at the start.
        """
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            for process in [self._begin(slot) for slot in self._slots]:
                await self._await_start(process)
            started()
            # Processes that hang are killed and replaced, so this loop speaks for all of them.
            nursery.start_soon(self.manager.tell_alive)
            await self.stop.wait()
            self.manager.stopping()
            await self._drain()
            nursery.cancel_scope.cancel()

    async def reload(self) -> str:
        """Replace every process by one of the configuration as it is now; what runs then.

        None is retired before its successor serves. Raises `OperatorError` for a configuration
        that can't be used so; what ran before goes on then.
        """
        async with self._reloading:
            self._refuse_while_stopping()
            config = self.config if self.reread is None else self.reread()
            _refuse_restart(self.config, config)
            self.manager.reloading()
            try:
                self.config = self.keeping.config = config
                for slot in self._slots:
                    await self._replace(slot)
                for slot in set(self._serving) - set(self._slots):
                    self._retire(self._serving.pop(slot))
            finally:
                self.manager.ready(self.status)
            log.info("reloaded", status=self.status)
            return self.status

    @property
    def status(self) -> str:
        """What runs, in a line."""
        retiring = sum(process.retired for process in self._living)
        return f"{len(self._serving)} processes serve, {retiring} retire"

    @property
    def _slots(self) -> range:
        return range(1, processes_of(self.config) + 1)

    def _begin(self, slot: int, *, heir: bool = False) -> Process:
        """Start a process; an ``heir`` of one that ended has nobody who waits for its start."""
        assert self._nursery is not None
        process = Process(self.config, slot, len(self._slots), self.counters, self.keeping.news)
        self._serving[slot] = process
        self._living.add(process)
        self.seat.take(self._boots)
        self._nursery.start_soon(self._attend, process, heir)
        return process

    @property
    def _boots(self) -> Collection[UUID]:
        return [process.boot_id for process in self._living]

    async def _attend(self, process: Process, heir: bool) -> None:
        """Carry a process to its end, settle what it left, and have another in its place."""
        listeners = [listener.socket.fileno() for listener in self.entrance.listeners]
        await process.run(listeners, self.seat.descriptors)
        if process.exit_code == 0:
            log.info("a serving process ended", slot=process.slot)
        elif process.failure is not None:
            log.warning("a process can't serve", slot=process.slot, problem=process.failure)
        else:
            log.error(
                "a serving process died, its sessions will be settled",
                slot=process.slot,
                exit_code=process.exit_code,
            )
        async with trio.open_nursery() as nursery:
            if process.exit_code != 0:
                nursery.start_soon(self.keeping.bury, process.boot_id)
            served = heir or process.started.is_set()
            if served and self._serving.get(process.slot) is process:
                self._succeed(process)
        self._living.discard(process)
        self.seat.take(self._boots)
        process.settled.set()

    def _succeed(self, process: Process) -> None:
        if self.stop.is_set():
            return
        lived = trio.current_time() - process.began_at
        failures = 0 if lived >= SHORT_LIFE_SECONDS else self._short_lives.get(process.slot, 0) + 1
        self._short_lives[process.slot] = failures
        if failures > 1:
            assert self._nursery is not None
            self._nursery.start_soon(self._begin_later, process, failures)
        else:
            self._begin(process.slot, heir=True)

    async def _begin_later(self, process: Process, failures: int) -> None:
        await trio.sleep(min(BACKOFF_SECONDS * 2 ** (failures - 2), BACKOFF_SECONDS_MAX))
        if self._serving.get(process.slot) is process and not self.stop.is_set():
            self._begin(process.slot, heir=True)

    async def _await_start(self, process: Process) -> None:
        """Raises `OperatorError` where it ended, or did not get ready in time."""
        with trio.move_on_after(START_SECONDS):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_wait_then_cancel, process.over, nursery)
                nursery.start_soon(_wait_then_cancel, process.started, nursery)
        if process.started.is_set():
            return
        process.kill()
        raise OperatorError(process.failure or "a serving process did not start; see the log")

    def _refuse_while_stopping(self) -> None:
        """Whatever was begun now would be neither drained nor settled."""
        if self.stop.is_set():
            raise OperatorError("relayd is stopping")

    async def _replace(self, slot: int) -> None:
        self._refuse_while_stopping()
        before = self._serving.get(slot)
        successor = self._begin(slot)
        try:
            await self._await_start(successor)
        except OperatorError:
            if before is not None:
                self._serving[slot] = before
            raise
        if before is not None:
            self._retire(before)

    def _retire(self, process: Process) -> None:
        assert self._nursery is not None
        process.retire()
        self._nursery.start_soon(self._stop_retired, process)

    async def _stop_retired(self, process: Process) -> None:
        """Sessions of a retired process may go on for a while; then they are told to reconnect."""
        with trio.move_on_after(self.config.server.retire_seconds):
            await process.over.wait()
        await self._end(process)

    async def _drain(self) -> None:
        """End all of them, at once."""
        async with trio.open_nursery() as nursery:
            for process in self._living:
                nursery.start_soon(self._end, process)

    async def _end(self, process: Process) -> None:
        process.stop()
        with trio.move_on_after(self.config.server.drain_seconds + GRACE_SECONDS):
            await process.over.wait()
        process.kill()
        await process.over.wait()
        with trio.move_on_after(SETTLE_SECONDS):
            await process.settled.wait()


async def _wait_then_cancel(event: trio.Event, nursery: trio.Nursery) -> None:
    await event.wait()
    nursery.cancel_scope.cancel()


def _refuse_restart(before: Config, after: Config) -> None:
    """What a reload can't change."""
    if after.server.listen != before.server.listen:
        raise ConfigError("server.listen", "has changed, which takes a restart")
    if after.database.url.reveal() != before.database.url.reveal():
        raise ConfigError("database.url", "has changed, which takes a restart")
    if processes_of(after) == 1:
        raise ConfigError("server.processes", "of 1 takes a restart")
