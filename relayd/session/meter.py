"""From bytes of raw audio to milliseconds of credit, and what the hold still covers.

Pure integer arithmetic. A charge is rounded up over the session's running total, never per
frame, so that cutting the same audio differently costs the same.
"""

import attrs

from relayd.speech.formats import AudioFormat
from relayd.speech.tariff import EVEN, Tariff

__all__ = ["LowCredit", "Meter"]


@attrs.define(eq=False)
class Meter:
    """Counts admitted audio against the hold.

    Invariant: ``0 <= used_ms <= held_total_ms``, the session's running total of what the ledger
    set aside (used part included), so that a repeated renewal changes nothing.
    """

    format: AudioFormat
    held_total_ms: int
    tariff: Tariff = EVEN
    # Of what is admitted first: charged already, by the session that this one continues.
    paid_ms: int = 0
    admitted_bytes: int = 0
    # What audio before the last fall of the price cost more than it would now: bytes by rate.
    _dearer: int = 0
    # What the hold comes to; counted when it changes, because every frame is compared with it.
    _held_bytes: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.set_hold(self.held_total_ms)

    @property
    def used_ms(self) -> int:
        """Running total of credit for what was admitted; this is what the user pays."""
        charge = self.tariff.charge_bytes(self.admitted_bytes, self.format, self._dearer)
        return max(charge - self.paid_ms, 0)

    @property
    def unused_ms(self) -> int:
        """What the hold still covers."""
        return self.held_total_ms - self.used_ms

    def admit(self, audio_bytes: int) -> int:
        """How many of these bytes may go to the engine; they count as used from here on.

        Less than asked means that the hold is used up. A cut falls on a whole block, so the
        engine never gets half a sample.
        """
        after = self.admitted_bytes + audio_bytes
        if after > self._held_bytes:
            # A client may cut its frames inside a sample: count the blocks from the start.
            whole = max(self._held_bytes, self.admitted_bytes)
            after = max(whole - whole % self.format.block_bytes, self.admitted_bytes)
            audio_bytes = after - self.admitted_bytes
        self.admitted_bytes = after
        return audio_bytes

    def affordable_bytes(self, credit_ms: int) -> int:
        """The most whole blocks of this session's audio that so much credit covers."""
        return self.tariff.affordable_bytes(credit_ms + self.paid_ms, self.format, self._dearer)

    def lower_price(self, tariff: Tariff) -> None:
        """What is admitted from here on costs less; what was admitted, what it did."""
        assert tariff.rate <= self.tariff.rate
        self._dearer += self.admitted_bytes * (self.tariff.rate - tariff.rate)
        self.tariff = tariff
        self.set_hold(self.held_total_ms)

    def set_hold(self, held_total_ms: int) -> None:
        """Take the ledger's word for the hold: it may grow, or shrink to what is unused."""
        assert held_total_ms >= self.used_ms
        self.held_total_ms = held_total_ms
        self._held_bytes = self.affordable_bytes(held_total_ms)


@attrs.define(eq=False)
class LowCredit:
    """The levels of remaining credit (seconds) at which the client is told, each once.

    A session that starts below several of them hears of the lowest only; a top-up arms
    again what it lifts the credit over.
    """

    levels_seconds: tuple[int, ...]
    _told: int = 0

    def falls_to(self, remaining_ms: int) -> bool:
        """Whether this much credit reaches a level that wasn't told yet."""
        reached = sum(level * 1000 >= remaining_ms for level in self.levels_seconds)
        news = reached > self._told
        self._told = reached
        return news

    def next_below(self, remaining_ms: int) -> int | None:
        """The next level (milliseconds) that falling credit will reach."""
        return max(
            (level * 1000 for level in self.levels_seconds if level * 1000 < remaining_ms),
            default=None,
        )
