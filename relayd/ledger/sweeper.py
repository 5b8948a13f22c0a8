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
from relayd.background import Faults, guarded, keep
from relayd.clock import Clock
from relayd.database.ports import Database
from relayd.errors import DatabaseUnavailable
from relayd.ledger import boots
from relayd.ledger.boots import Pulse
from relayd.ledger.sessions import sweep_session

__all__ = ["Patience", "Sweeper", "end_boot", "register_boot", "run_heartbeat", "run_sweeper"]

log = logs.get(__name__)

# Between attempts to beat or to sweep while PostgreSQL is away or we are at fault.
AGAIN_SECONDS: Final = 1.0


@attrs.frozen
class Patience:
    """How a sweeper judges. All in seconds."""

    # Between two looks.
    sweep_seconds: float
    # A beat that stood still for so long is death.
    dead_seconds: float
    # The longest between two beats of a daemon that lives, while PostgreSQL answers.
    beat_seconds: float


async def register_boot(database: Database, boot_id: UUID, host: str) -> None:
    """Record this run of the daemon; before its first session."""
    await database.transact(boots.register, boot_id, host)


async def end_boot(database: Database, boot_id: UUID) -> None:
    """Say that this run is over; after its last session, with its heartbeat stopped."""
    await database.transact(boots.end, boot_id)


async def run_heartbeat(database: Database, boot_id: UUID, heartbeat_seconds: float) -> None:
    """Beat until cancelled; a beat that can't be written is tried again soon."""

    async def beat() -> None:
        asked_at = trio.current_time()
        await database.transact(boots.beat, boot_id)
        await trio.sleep_until(asked_at + heartbeat_seconds)

    again_seconds = min(AGAIN_SECONDS, heartbeat_seconds)
    await keep("heartbeat", beat, again_seconds=again_seconds, again_seconds_max=heartbeat_seconds)


async def run_sweeper(database: Database, boot_id: UUID, patience: Patience) -> None:
    """Sweep until cancelled. ``boot_id`` is this daemon's own, which it never judges."""
    sweeper = Sweeper(database, boot_id, patience)

    async def sweep() -> None:
        await sweeper.sweep()
        await trio.sleep(patience.sweep_seconds)

    await keep("sweep", sweep, again_seconds=patience.sweep_seconds)


@attrs.define
class _Watch:
    """One boot's beat, and for how long it has stood still before our eyes."""

    beats: int
    still_seconds: float = 0.0
    # Since PostgreSQL was last away: a daemon that lives may not have got through to it yet.
    lately_seconds: float = 0.0


@attrs.define(eq=False)
class Sweeper:
    """Watches the other boots. `sweep` is one look, with settling where it is due."""

    _database: Database
    _boot_id: UUID
    _patience: Patience
    _clock: Clock = trio.current_time
    _watches: dict[UUID, _Watch] = attrs.field(factory=dict)
    # When the last look was answered; None where it was not.
    _answered_at: float | None = None
    _faults: Faults[UUID] = attrs.field(factory=lambda: Faults("session can't be swept"))

    async def sweep(self) -> int:
        """Look once; the number of sessions settled. Raises `DatabaseUnavailable`."""
        pulses = await self._look()
        left_open: list[UUID] = []
        for pulse in pulses:
            if self._is_dead(pulse):
                with guarded("daemon can't be buried", boot=pulse.boot_id):
                    left_open += await self._bury(pulse)
        settled = 0
        for session_id in self._faults.due(left_open):
            with self._faults.guard(session_id, session=session_id):
                settled += await self._settle(session_id)
        return settled

    async def _look(self) -> list[Pulse]:
        """The pulses of the others, watched from one look that was answered to the next."""
        asked_at = self._clock()
        before, self._answered_at = self._answered_at, None
        try:
            pulses = await self._database.transact(boots.pulses, self._boot_id)
        except DatabaseUnavailable:
            for watch in self._watches.values():
                watch.lately_seconds = 0.0
            raise
        self._answered_at = self._clock()
        # A look that came late (we were stopped) counts as two at most.
        since = 0.0 if before is None else min(asked_at - before, 2 * self._patience.sweep_seconds)
        self._observe(pulses, since)
        return pulses

    def _observe(self, pulses: list[Pulse], since: float) -> None:
        """Count time for those whose beat stands where it stood."""
        before, self._watches = self._watches, {}
        for pulse in pulses:
            watch = before.get(pulse.boot_id)
            if watch is None or watch.beats != pulse.beats:
                watch = _Watch(pulse.beats)
            else:
                watch.still_seconds += since
                watch.lately_seconds += since
            self._watches[pulse.boot_id] = watch

    def _is_dead(self, pulse: Pulse) -> bool:
        watch = self._watches[pulse.boot_id]
        return pulse.ended or (
            watch.still_seconds >= self._patience.dead_seconds
            and watch.lately_seconds >= self._patience.beat_seconds
        )

    async def _bury(self, pulse: Pulse) -> list[UUID]:
        """Mark a boot as ended; what it left open, nothing where it has beaten since."""
        if not await self._database.transact(boots.bury, pulse.boot_id, pulse.beats):
            return []
        if not pulse.ended:
            log.warning("daemon taken for dead", boot=pulse.boot_id)
        return await self._database.transact(boots.left_open, pulse.boot_id)

    async def _settle(self, session_id: UUID) -> bool:
        closed = await self._database.transact(sweep_session, session_id)
        if closed is None:
            return False
        log.info("session swept", session=session_id, charged_ms=closed.charged_ms)
        return True
