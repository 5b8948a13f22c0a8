"""Who lives and who died: this daemon's heartbeat, and settling what a dead one left open.

A boot is dead when it said that it ended, or when *this* sweeper saw its beat stand still
for `dead_seconds` of its own monotonic clock while PostgreSQL answered. No timestamps are
compared, so clocks that differ mean nothing; an outage of PostgreSQL, in which nobody can
beat, counts for nobody, and neither does time in which this process itself was stopped.
"""

from typing import Final
from uuid import UUID

import attrs
import trio

from relayd import logs
from relayd.database.ports import Database
from relayd.errors import DatabaseUnavailable
from relayd.ledger import boots
from relayd.ledger.boots import Pulse
from relayd.ledger.sessions import sweep_session

__all__ = ["Sweeper", "end_boot", "register_boot", "run_heartbeat", "run_sweeper"]

log = logs.get(__name__)

# Sessions asked for at once while settling a boot: a list in memory, nothing more.
BATCH: Final = 100


async def register_boot(database: Database, boot_id: UUID, host: str) -> None:
    """Record this run of the daemon; before its first session."""
    await database.transact(boots.register, boot_id, host)


async def end_boot(database: Database, boot_id: UUID) -> None:
    """Say that this run is over; after its last session, with its heartbeat stopped."""
    await database.transact(boots.end, boot_id)


async def run_heartbeat(database: Database, boot_id: UUID, heartbeat_seconds: float) -> None:
    """Beat until cancelled; a beat that can't be written is tried again at the next."""
    while True:
        try:
            await database.transact(boots.beat, boot_id)
        except DatabaseUnavailable as error:
            log.warning("heartbeat not written", problem=str(error))
        await trio.sleep(heartbeat_seconds)


async def run_sweeper(
    database: Database, boot_id: UUID, *, sweep_seconds: float, dead_seconds: float
) -> None:
    """Sweep until cancelled. ``boot_id`` is this daemon's own, which it never judges."""
    sweeper = Sweeper(database, boot_id, sweep_seconds, dead_seconds)
    while True:
        try:
            await sweeper.sweep()
        except DatabaseUnavailable as error:
            log.warning("sweep not done", problem=str(error))
        await trio.sleep(sweep_seconds)


@attrs.define
class _Watch:
    """One boot's beat, and for how long it has stood still before our eyes."""

    beats: int
    still_seconds: float = 0.0


@attrs.define(eq=False)
class Sweeper:
    """Watches the other boots. `sweep` is one look, with settling where it is due."""

    _database: Database
    _boot_id: UUID
    _sweep_seconds: float
    _dead_seconds: float
    _watches: dict[UUID, _Watch] = attrs.field(factory=dict)
    _looked_at: float | None = None

    async def sweep(self) -> int:
        """Look once; the number of sessions settled.

        Raises `DatabaseUnavailable`, and has then forgotten how long anybody stood still.
        """
        try:
            pulses = await self._database.transact(boots.pulses, self._boot_id)
            dead = [pulse for pulse in self._observe(pulses) if await self._bury(pulse)]
            return sum([await self._settle(pulse.boot_id) for pulse in dead])
        except DatabaseUnavailable:
            self._watches.clear()
            self._looked_at = None
            raise

    def _observe(self, pulses: list[Pulse]) -> list[Pulse]:
        """Those that are dead by now."""
        now = trio.current_time()
        since = 0.0 if self._looked_at is None else now - self._looked_at
        # A look that came late (we were stopped, PostgreSQL was slow) counts as two at most.
        since = min(since, 2 * self._sweep_seconds)
        self._looked_at = now
        before, self._watches = self._watches, {}
        for pulse in pulses:
            watch = before.get(pulse.boot_id)
            if watch is None or watch.beats != pulse.beats:
                watch = _Watch(pulse.beats)
            else:
                watch.still_seconds += since
            self._watches[pulse.boot_id] = watch
        return [
            pulse
            for pulse in pulses
            if pulse.ended or self._watches[pulse.boot_id].still_seconds >= self._dead_seconds
        ]

    async def _bury(self, pulse: Pulse) -> bool:
        buried = await self._database.transact(boots.bury, pulse.boot_id, pulse.beats)
        if buried and not pulse.ended:
            log.warning("daemon taken for dead", boot=pulse.boot_id)
        return buried

    async def _settle(self, boot_id: UUID) -> int:
        settled = 0
        while True:
            sessions = await self._database.transact(boots.left_open, boot_id, BATCH)
            closed = [await self._settle_session(session) for session in sessions]
            settled += sum(closed)
            # None of them could be settled: the boot came back, or another sweeper is at it.
            if not any(closed):
                return settled

    async def _settle_session(self, session_id: UUID) -> bool:
        closed = await self._database.transact(sweep_session, session_id)
        if closed is None:
            return False
        log.info("session swept", session=session_id, charged_ms=closed.charged_ms)
        return True
