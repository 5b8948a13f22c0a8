"""What the session may still admit: the meter, and the renewals that feed it.

One task talks to the ledger, at its own pace and never per frame; the reader only compares
two integers. While a renewal is under way the reader keeps to what the ledger was promised,
so that whichever answer gets lost, nothing is admitted that isn't set aside.
"""

import math
from collections.abc import Callable
from typing import Final
from uuid import UUID

import attrs
import trio

from relayd.clock import Clock
from relayd.errors import LedgerUnavailable
from relayd.session.endings import Ending, EndReason
from relayd.session.limits import SessionLimits
from relayd.session.meter import LowCredit, Meter
from relayd.session.ports import Ledger, Opened, Renewed, Revoked
from relayd.speech.tariff import Tariff

__all__ = ["Allowance"]

# Between renewals of a session that has nothing left while others of its user hold credit.
STARVED_SECONDS: Final = 0.25
# Between attempts to reach a ledger that is out of reach.
RETRY_SECONDS: Final = 1.0
# How often a ledger may let a starving session wait for a whole flush in vain. Not once: a daemon
# that was paused finds the time gone when it wakes, and must ask before it says anything.
SILENCES_MOST: Final = 2

# All sessions renew at the same moments, so far apart, where they renew seldom enough for that to
# make no difference: waking them one by one cost as much as a tenth of all frames.
TOGETHER_SECONDS: Final = 0.25
TOGETHER_FROM: Final = 2.5


@attrs.define(eq=False)
class Allowance:
    """A session's credit as the session sees it. ``say_low`` hears the levels that it passes."""

    session_id: UUID
    ledger: Ledger
    limits: SessionLimits
    ending: Ending
    meter: Meter
    opened: Opened
    say_low: Callable[[int], None]
    # How old an answer is: time that the machine slept counts.
    clock: Clock = trio.current_time

    final: bool = attrs.field(init=False)
    renewals: int = 0
    failures: int = 0
    # As of the ledger's last answer: the user's credit, and what this session had used of it.
    _answer_balance_ms: int = attrs.field(init=False)
    _answer_used_ms: int = 0
    # When it was asked for, or the failure of the ledger that came instead; by ``clock``.
    _answer_as_of: float = -math.inf
    _lease_until: float = attrs.field(init=False)
    _levels: LowCredit = attrs.field(init=False)
    _alarm_bytes: int = 0
    _wanted: bool = False
    _starved: bool = False
    _unreachable: bool = False
    _wake: trio.Event = attrs.field(factory=trio.Event)
    _answered: trio.Event = attrs.field(factory=trio.Event)

    def __attrs_post_init__(self) -> None:
        self.final = self.opened.final
        self._answer_balance_ms = self.opened.balance_ms
        self._lease_until = self.clock() + self.limits.lease_seconds
        self._levels = LowCredit(self.limits.credits_low_seconds)

    @property
    def remaining_ms(self) -> int:
        """The user's credit as of the last answer, less what this session used since."""
        return self._answer_balance_ms - (self.meter.used_ms - self._answer_used_ms)

    def admit(self, audio_bytes: int) -> int:
        """How many of these bytes may go to the engine; they are paid from here on."""
        # Read before they are called, as everything that a frame needs: see `SocketWire`.
        clock, meter = self.clock, self.meter
        if clock() >= self._lease_until:
            return 0
        admitted = meter.admit(audio_bytes)
        if meter.admitted_bytes >= self._alarm_bytes:
            self._attend()
        return admitted

    def lower_price(self, tariff: Tariff) -> None:
        """What is admitted from here on costs less."""
        self.meter.lower_price(tariff)
        self._attend()

    async def extend(self) -> bool:
        """Wait for more hold after `admit` gave too little; False when the session ends instead."""
        starved_at = self.clock()
        patient_until = starved_at + self.limits.starved_seconds
        self._starved = True
        self._wake.set()
        silences = 0
        while silences < SILENCES_MOST:
            with trio.move_on_after(self.limits.flush_seconds) as silence:
                await self._answered.wait()
            if silence.cancelled_caught:
                silences += 1
            elif self._has_room():
                return True
            elif self._knows_since(starved_at):
                last = self.final or self._unreachable
                if last or self.clock() >= patient_until:
                    break
        told = self._knows_since(starved_at) and not self._unreachable
        if told or (self.final and self._used_up()):
            self.ending.give(EndReason.INSUFFICIENT_CREDITS)
        else:
            self.ending.give(EndReason.SERVICE_UNAVAILABLE)
        return False

    async def keep(self) -> None:
        """Renew for as long as the session lasts."""
        self._watch_levels()
        self._arm(past_half=False)
        asked_at = trio.current_time()
        while True:
            # From asking to asking, so that a slow answer doesn't stretch the interval.
            with trio.CancelScope(deadline=self._next_at(asked_at)):
                await self._wake.wait()
            asked_at = trio.current_time()
            as_of = self.clock()
            self._wake = trio.Event()
            if not await self._renew(as_of):
                return
            self._answer_as_of = as_of
            self._starved = self._starved and not self._has_room()
            self._answered.set()
            self._answered = trio.Event()

    def _knows_since(self, time: float) -> bool:
        """Whether the last answer was asked for since then, and the next one isn't due yet."""
        overdue_at = self._answer_as_of + self.limits.flush_seconds
        return self._answer_as_of >= time and self.clock() < overdue_at

    def _next_at(self, asked_at: float) -> float:
        if self._starved:
            return asked_at + STARVED_SECONDS
        if self._unreachable:
            return asked_at + RETRY_SECONDS
        pause_seconds = self.limits.flush_seconds
        due_at = asked_at + pause_seconds
        return due_at if pause_seconds < TOGETHER_FROM else due_at - due_at % TOGETHER_SECONDS

    async def _renew(self, as_of: float) -> bool:
        used_ms = self.meter.used_ms
        keep_ms = self._promise(used_ms)
        if keep_ms < self.meter.held_total_ms:
            # Others may take what is given back: this hold is no longer the last of the credit.
            self.final = False
        self.meter.set_hold(keep_ms)
        try:
            answer = await self.ledger.renew(self.session_id, used_ms, keep_ms)
        except LedgerUnavailable:
            self.failures += 1
            self._unreachable = True
            return True
        if isinstance(answer, Revoked):
            self.ending.give(answer.value)
            return False
        self.renewals += 1
        self._unreachable = False
        # From the asking, not from the answer: that is when the ledger may have seen it.
        self._lease_until = as_of + self.limits.lease_seconds
        self._take(answer, used_ms)
        return True

    def _promise(self, used_ms: int) -> int:
        """The most that will be admitted until the answer is read.

        All that is held, unless another session of the user starves: then a silent session
        gives everything back, a speaking one half of what it has left.
        """
        if not self._wanted:
            return self.meter.held_total_ms
        spoke = used_ms > self._answer_used_ms
        return used_ms + ((self.meter.held_total_ms - used_ms) // 2 if spoke else 0)

    def _take(self, answer: Renewed, used_ms: int) -> None:
        self.meter.set_hold(answer.held_total_ms)
        self.final = answer.final
        self._wanted = answer.wanted
        self._answer_balance_ms = answer.balance_ms
        self._answer_used_ms = used_ms
        self._watch_levels()
        self._arm(past_half=False)

    def _has_room(self) -> bool:
        return self.clock() < self._lease_until and not self._used_up()

    def _used_up(self) -> bool:
        affordable_bytes = self.meter.affordable_bytes(self.meter.held_total_ms)
        return self.meter.admitted_bytes >= affordable_bytes

    def _attend(self) -> None:
        """The alarm went: a credit level is reached, or half of the hold is used."""
        self._watch_levels()
        past_half = self.meter.used_ms >= self._half_ms()
        if past_half and not self.final:
            self._wake.set()
        self._arm(past_half=past_half)

    def _watch_levels(self) -> None:
        remaining_ms = self.remaining_ms
        if self._levels.falls_to(remaining_ms):
            self.say_low(remaining_ms)

    def _half_ms(self) -> int:
        # Of what the last answer left, not of the whole: a hold that can't be extended is
        # asked about log2(hold) times, not at every frame.
        return (self._answer_used_ms + self.meter.held_total_ms + 1) // 2

    def _arm(self, *, past_half: bool) -> None:
        """Set the byte count at which the reader has something to attend to again."""
        marks = [] if past_half else [self._half_ms()]
        level_ms = self._levels.next_below(self.remaining_ms)
        if level_ms is not None:
            marks.append(self.meter.used_ms + self.remaining_ms - level_ms)
        next_ms = min(marks, default=self.meter.held_total_ms + 1)
        self._alarm_bytes = self.meter.affordable_bytes(next_ms)
