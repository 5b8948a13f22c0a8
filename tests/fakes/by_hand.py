"""What operators do by hand, in memory: booked and judged, or refused as a test says."""

from uuid import UUID

import attrs
import trio.lowlevel

from relayd.accounts.operators import Deed, Hand, OperatorRefusal
from relayd.accounts.outcomes import ChangeRefusal, Delayed, User
from relayd.ledger.balances import Entry
from relayd.ledger.outcomes import Balance, Booked, BookingRefusal
from tests.fakes.accounts import MemoryAccounts

__all__ = ["MemoryByHand"]


@attrs.define(eq=False)
class MemoryByHand:
    """Implements `relayd.routes.toolkit.wiring.ByHand`."""

    store: MemoryAccounts
    refusal: OperatorRefusal | Delayed | None = None
    # By their keys.
    booked: dict[str, Entry] = attrs.field(factory=dict)
    # What was done, and whose hand it was.
    done: list[tuple[Hand, Deed | Entry]] = attrs.field(factory=list)

    async def book(
        self, hand: Hand, entry: Entry
    ) -> Booked | BookingRefusal | OperatorRefusal | Delayed:
        """Once for each key."""
        await trio.lowlevel.checkpoint()
        if self.refusal is not None:
            return self.refusal
        if self._user(entry.user_id) is None:
            return BookingRefusal.UNKNOWN_USER
        known = self.booked.setdefault(entry.key, entry)
        if (known.user_id, known.amount_ms) != (entry.user_id, entry.amount_ms):
            return BookingRefusal.KEY_TAKEN
        repeated = known is not entry
        if not repeated:
            self.done.append((hand, entry))
        return Booked(Balance(90_500 + entry.amount_ms, 0, 0), repeated)

    async def set_disabled(
        self, hand: Hand, deed: Deed, *, disabled: bool
    ) -> bool | ChangeRefusal | OperatorRefusal | Delayed:
        """Keep out, or let in."""
        await trio.lowlevel.checkpoint()
        user = self._user(deed.user_id)
        if self.refusal is not None:
            return self.refusal
        if user is None:
            return ChangeRefusal.UNKNOWN_USER
        changes = (user.disabled_at is not None) is not disabled
        if changes:
            self.store.set_disabled(user.email, disabled)
            self.done.append((hand, deed))
        return changes

    def _user(self, user_id: UUID) -> User | None:
        return self.store.find_user(user_id)
