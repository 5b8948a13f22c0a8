"""A user's lots in memory: the rules a second time, one step after the other."""

from uuid import UUID

import attrs

from tests.fakes.rows import FakeAccount, FakeEntry

__all__ = ["FakeLot", "FakeLots"]


@attrs.define(eq=False)
class FakeLot:
    """One lot; ``left`` is what can still be spent of it."""

    key: str
    hours_left: int
    number: int
    live: bool
    amount: int
    left: int
    spent: int = 0
    expired: int = 0
    claimed: int = 0
    taken: int = 0
    owed: int = 0
    bookings: int = 0

    def state(self) -> tuple[str, int, int, int, int, int, int]:
        """All that is recorded of it, to compare."""
        return (
            self.key,
            self.left,
            self.spent,
            self.expired,
            self.claimed,
            self.taken,
            self.owed,
        )

    def too_much(self) -> int:
        """What of it may not stay."""
        if self.hours_left <= 0:
            return self.left
        return max(0, self.left - max(0, self.amount - self.claimed - self.spent))


@attrs.define(eq=False)
class FakeLots:
    """The lots of one user beside their account."""

    user_id: UUID
    account: FakeAccount
    lots: list[FakeLot] = attrs.field(factory=list)

    @property
    def for_recordings(self) -> int:
        """What is left that streams may not use."""
        return sum(lot.left for lot in self.lots if not lot.live)

    def lasting(self, used: int) -> int:
        """What never runs out, with so much used by open sessions."""
        return self.account.balance_ms + used - sum(lot.left for lot in self.lots)

    def add(self, lot: FakeLot) -> None:
        """Grant it; the account knows."""
        self.lots.append(lot)
        self.lots.sort(key=lambda one: (one.hours_left, one.number))

    def spend(self, amount: int, *, stream: bool) -> None:
        """Something was used."""
        for recordings_alone in (True, False):
            for lot in self.lots:
                if lot.live is not recordings_alone and not (stream and recordings_alone):
                    amount -= self._spend(lot, amount)

    def pay(self, used: int, *, lasting_first: bool = False) -> None:
        """Free credit pays debt before anything else."""
        free = self.free(used)
        beside = self.account.balance_ms - self.account.held_ms - sum(free.values())
        debt = self.account.debt_ms
        self.account.pay_debt()
        paid = debt - self.account.debt_ms
        if lasting_first:
            paid -= min(paid, beside)
        for lot in sorted(self.lots, key=lambda one: one.live):
            paid -= self._spend(lot, min(paid, free[lot.key]))

    def free(self, used: int) -> dict[str, int]:
        """What of each lot nobody holds: holds lie on those that are spent first."""
        reserved = self.account.reserved_ms
        streams = self.account.held_ms - reserved + used
        free = {lot.key: lot.left for lot in self.lots}
        for lot in self.lots:
            if not lot.live:
                laid = min(reserved, lot.left)
                free[lot.key] -= laid
                reserved -= laid
        # What doesn't fit lies where streams have theirs.
        streams += reserved
        for lot in self.lots:
            if lot.live:
                laid = min(streams, lot.left)
                free[lot.key] -= laid
                streams -= laid
        return free

    def claim(self, lot: FakeLot, claimed: int) -> None:
        """So much of it is wanted back by now; less than before comes back at once."""
        lot.claimed = claimed
        while_entitled = max(0, lot.amount - claimed - lot.spent)
        back = min(lot.taken, max(0, while_entitled - lot.left))
        lot.taken -= back
        lot.left += back
        self.account.balance_ms += back

    def collect(self, used: int, before: dict[str, int]) -> list[FakeEntry]:
        """Take what may not stay; the entries. ``before``: what was taken and owed of each."""
        free = self.free(used)
        ran_out: dict[str, int] = {}
        for lot in self.lots:
            gone = min(lot.too_much(), free[lot.key])
            lot.left -= gone
            self.account.balance_ms -= gone
            if lot.hours_left <= 0:
                lot.expired += gone
                ran_out[lot.key] = gone
            else:
                lot.taken += gone
        owed = 0
        for lot in self.lots:
            owed += max(0, lot.spent + lot.claimed - lot.amount) - lot.owed
            lot.owed = max(0, lot.spent + lot.claimed - lot.amount)
        if owed > 0:
            self.account.debt_ms += owed
        else:
            self.account.balance_ms -= owed
        self.pay(used, lasting_first=True)
        entries = []
        for lot in self.lots:
            taken = lot.taken + lot.owed - before.get(lot.key, 0)
            kind = "takeback" if taken > 0 else "giveback"
            entries += self._entry(lot, kind, -taken)
            entries += self._entry(lot, "expiry", -ran_out.get(lot.key, 0))
        return entries

    def gone(self) -> dict[str, int]:
        """What refunds took of each lot until now."""
        return {lot.key: lot.taken + lot.owed for lot in self.lots}

    def _spend(self, lot: FakeLot, most: int) -> int:
        spent = min(lot.left, most)
        lot.left -= spent
        lot.spent += spent
        return spent

    def _entry(self, lot: FakeLot, kind: str, amount: int) -> list[FakeEntry]:
        if not amount:
            return []
        lot.bookings += 1
        return [FakeEntry(self.user_id, kind, f"{lot.key}/{lot.bookings}", amount)]
