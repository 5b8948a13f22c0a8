"""How much of a user's credit one session may set aside: pure arithmetic on locked rows.

Three rules share what is small, and none of them strands a millisecond:

* while the balance, less what is reserved for other things, covers a full hold for every open
  session, each gets one;
* else each gets its equal part, but at least `SLICE_MS`, so that the last second is used by
  one session instead of being cut ever finer;
* who waits longest with nothing is served first: a session leaves a share free for every
  starving one ahead of it, and keeps only what it may use before it hears of that.
"""

from typing import Final
from uuid import UUID

import attrs

__all__ = ["SLICE_MS", "Account", "Policy", "SessionStanding", "unused_hold"]

SLICE_MS: Final = 1000


@attrs.frozen
class Policy:
    """What a session may hold, and how many a user may have open (in all daemons together)."""

    hold_ms: int = 30_000
    streams_per_user: int = 2


@attrs.frozen
class Account:
    """A user's row in `credit_balance`; none is free in debt.

    ``0 <= reserved_ms <= held_ms <= balance_ms``, and what streams hold of it
    ``<= balance_ms - batch_ms``.
    """

    user_id: UUID
    balance_ms: int
    held_ms: int
    debt_ms: int
    # A payment is disputed: nothing may be set aside until that is decided.
    frozen: bool = False
    # Of what is held: set aside for what is no live stream.
    reserved_ms: int = 0
    # Of what lots have left: for recordings alone.
    batch_ms: int = 0
    # Whether a lot has anything left, and whether one has to be looked at now.
    has_lots: bool = False
    lots_due: bool = False

    @property
    def free_ms(self) -> int:
        """What nobody has set aside."""
        return self.balance_ms - self.held_ms

    @property
    def kept_ms(self) -> int:
        """What is free for recordings and not for streams: reservations use that first."""
        return max(self.batch_ms - self.reserved_ms, 0)

    @property
    def unreserved_ms(self) -> int:
        """What live streams have between them, their holds included."""
        return self.balance_ms - self.reserved_ms - self.kept_ms

    def charged(self, used_ms: int) -> "Account":
        """After a session used so much of its hold."""
        return attrs.evolve(
            self, balance_ms=self.balance_ms - used_ms, held_ms=self.held_ms - used_ms
        )

    def holding(self, change_ms: int) -> "Account":
        """After a session set so much more (or less) aside. Freed credit pays debt first."""
        return attrs.evolve(self, held_ms=self.held_ms + change_ms).with_debt_paid()

    def reserving(self, amount_ms: int) -> "Account":
        """After so much was set aside for what is no live stream."""
        reserved_ms = self.reserved_ms + amount_ms
        return attrs.evolve(self, held_ms=self.held_ms + amount_ms, reserved_ms=reserved_ms)

    def settling(self, reserved_ms: int, charged_ms: int) -> "Account":
        """After a reservation ended: so much of it was charged, the rest is free."""
        return attrs.evolve(
            self,
            balance_ms=self.balance_ms - charged_ms,
            held_ms=self.held_ms - reserved_ms,
            reserved_ms=self.reserved_ms - reserved_ms,
        ).with_debt_paid()

    def credited(self, amount_ms: int) -> "Account":
        """After so much was added, or taken; what can't be taken stands as debt."""
        if amount_ms >= 0:
            return attrs.evolve(self, balance_ms=self.balance_ms + amount_ms).with_debt_paid()
        return attrs.evolve(self, debt_ms=self.debt_ms - amount_ms).with_debt_paid()

    def with_debt_paid(self) -> "Account":
        """The same user with free credit set against debt."""
        paid = min(self.free_ms, self.debt_ms)
        return attrs.evolve(self, balance_ms=self.balance_ms - paid, debt_ms=self.debt_ms - paid)


@attrs.frozen
class SessionStanding:
    """One open session among its user's. ``sessions`` counts it too, ``ahead`` does not."""

    used_ms: int
    held_total_ms: int
    sessions: int
    # Other sessions with nothing left that have waited longer than this one.
    ahead: int

    @property
    def unused_ms(self) -> int:
        """What its hold still covers."""
        return self.held_total_ms - self.used_ms


def unused_hold(account: Account, standing: SessionStanding, keep_ms: int, policy: Policy) -> int:
    """The unused hold that this session shall have from now on, in milliseconds.

    ``keep_ms`` is the session's running total that must stay covered.
    """
    # All that it could have: what is free for streams, and its own.
    pool = account.free_ms - account.kept_ms + standing.unused_ms
    if account.unreserved_ms >= standing.sessions * policy.hold_ms:
        part = policy.hold_ms
    else:
        part = max(account.unreserved_ms // standing.sessions, SLICE_MS)
    wished = min(part, pool - standing.ahead * part)
    return min(max(wished, keep_ms - standing.used_ms, 0), pool)
