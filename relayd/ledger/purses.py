"""What of a user's credit runs out, and in which order it goes: pure arithmetic on locked rows.

A purse is an account with the lots that have something left. What is beside the lots never runs
out. Four rules, and none of them creates or loses a millisecond:

* what is used comes out of the lot that runs out soonest, and out of what never does last.
  Recordings use the lots that are theirs alone before those that streams may use too;
* holds lie on the lots in the same order: so much of each is not free;
* what has run out, and what a refund wants back, is taken as far as it is free: the rest when
  the holds that keep it end. What of a refunded lot was spent is owed, as any other debt;
* debt is paid from whatever comes free, what runs out soonest first. What is booked, up or down,
  is credit that never runs out, and what it takes comes out of that first: a refund would turn a
  plan's minutes into such otherwise.
"""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import attrs

from relayd.ledger.holds import Account

__all__ = ["Lot", "Purse"]


@attrs.frozen
class Lot:
    """A row of `credit_lots`, locked with its user's balance."""

    id: UUID
    # Whether streams may use it, and not recordings alone.
    live: bool
    expired: bool
    amount_ms: int
    spent_ms: int = 0
    expired_ms: int = 0
    # Wanted back by refunds; taken out of the lot for that; spent before, and so owed.
    claimed_ms: int = 0
    taken_ms: int = 0
    owed_ms: int = 0
    # Entries beside the first.
    bookings: int = 0

    @property
    def remaining_ms(self) -> int:
        """What is left of it."""
        return self.amount_ms - self.spent_ms - self.expired_ms - self.taken_ms

    @property
    def allowed_ms(self) -> int:
        """What a refund leaves of it, beside what was spent."""
        return max(self.amount_ms - self.claimed_ms - self.spent_ms, 0)

    @property
    def surplus_ms(self) -> int:
        """What is left and may not stay."""
        return self.remaining_ms if self.expired else max(self.remaining_ms - self.allowed_ms, 0)

    def spending(self, amount_ms: int) -> "Lot":
        """After so much of it was used."""
        return attrs.evolve(self, spent_ms=self.spent_ms + amount_ms)

    def losing(self, amount_ms: int) -> "Lot":
        """After so much of its surplus was taken."""
        if self.expired:
            return attrs.evolve(self, expired_ms=self.expired_ms + amount_ms)
        return attrs.evolve(self, taken_ms=self.taken_ms + amount_ms)

    def claimed(self, claimed_ms: int) -> "Lot":
        """While refunds want so much of it back: what was taken for more than that is in it again.

        What it then lacks, or has too much of, is for `Purse.collected` to take.
        """
        lot = attrs.evolve(self, claimed_ms=claimed_ms)
        given_back = min(lot.taken_ms, max(lot.allowed_ms - lot.remaining_ms, 0))
        return attrs.evolve(lot, taken_ms=lot.taken_ms - given_back)

    def with_debt_known(self) -> "Lot":
        """With what was spent of it beyond what refunds leave."""
        entitled_ms = self.amount_ms - self.claimed_ms
        return attrs.evolve(self, owed_ms=max(self.spent_ms - entitled_ms, 0))


@attrs.frozen
class Purse:
    """An account with its lots, those that run out soonest first.

    ``used_ms`` is what open sessions have used: it has left the balance and no lot yet.
    """

    account: Account
    lots: tuple[Lot, ...]
    used_ms: int

    @property
    def lasting_ms(self) -> int:
        """What is beside the lots, and never runs out; never negative."""
        return self.account.balance_ms + self.used_ms - sum(lot.remaining_ms for lot in self.lots)

    def used_by_stream(self, amount_ms: int) -> "Purse":
        """After a session used so much and ended; the account and ``used_ms`` know of it."""
        return self._spending(
            amount_ms, {lot.id: lot.remaining_ms for lot in self.lots if lot.live}
        )

    def used_by_recording(self, amount_ms: int) -> "Purse":
        """After a reservation was charged so much and ended; the account knows of it."""
        return self._spending(amount_ms, {lot.id: lot.remaining_ms for lot in self.lots})

    def paid(self, amount_ms: int, *, lasting_first: bool = False) -> "Purse":
        """After so much of a debt was paid from what was free; the account knows of it."""
        if lasting_first:
            amount_ms -= min(amount_ms, self._lasting_free_ms(amount_ms))
        return self._spending(amount_ms, self._free())

    def booked(self, amount_ms: int) -> "Purse":
        """After so much that never runs out was added, or taken; see `Account.credited`."""
        account = self.account.credited(amount_ms)
        paid_ms = self.account.debt_ms + max(-amount_ms, 0) - account.debt_ms
        return attrs.evolve(self, account=account).paid(paid_ms, lasting_first=True)

    def claiming(self, lot_id: UUID, claimed_ms: int) -> "Purse":
        """While refunds want so much of this lot back; it is for `collected` to take it."""
        return self._with(lot.claimed(claimed_ms) if lot.id == lot_id else lot for lot in self.lots)

    def collected(self) -> "Purse":
        """Without what may not stay, as far as it is free; what refunds find spent is owed."""
        free = self._free()
        purse = self._with(lot.losing(min(lot.surplus_ms, free[lot.id])) for lot in self.lots)
        lots = tuple(lot.with_debt_known() for lot in purse.lots)
        owed_ms = sum(lot.owed_ms for lot in lots) - sum(lot.owed_ms for lot in purse.lots)
        return attrs.evolve(purse, lots=lots).booked(-owed_ms)

    def _free(self) -> dict[UUID, int]:
        """What of each lot no hold lies on, and no session has used."""
        account = self.account
        # Of the lots themselves: one that was just granted is not in the account yet.
        beyond_ms = max(account.reserved_ms - _batch_ms(self.lots), 0)
        streams_ms = account.held_ms - account.reserved_ms + self.used_ms
        held_ms = {False: account.reserved_ms, True: streams_ms + beyond_ms}
        free: dict[UUID, int] = {}
        for lot in self.lots:
            lies_ms = min(lot.remaining_ms, held_ms[lot.live])
            held_ms[lot.live] -= lies_ms
            free[lot.id] = lot.remaining_ms - lies_ms
        return free

    def _lasting_free_ms(self, paid_ms: int) -> int:
        """What was free beside the lots before so much was paid."""
        lots_ms = sum(self._free().values())
        return max(self.account.free_ms + paid_ms - lots_ms, 0)

    def _spending(self, amount_ms: int, left: Mapping[UUID, int]) -> "Purse":
        """After so much went, at most so much of each of these lots; the rest is not theirs."""
        spent: dict[UUID, int] = {}
        for lot in sorted(self.lots, key=lambda lot: lot.live):
            spent[lot.id] = min(amount_ms, left.get(lot.id, 0))
            amount_ms -= spent[lot.id]
        lots = tuple(lot.spending(spent[lot.id]) for lot in self.lots)
        return attrs.evolve(self, lots=lots, account=_lots_known(self.account, lots))

    def _with(self, changed: Iterable[Lot]) -> "Purse":
        """With lots that have more or less left; so has the balance."""
        lots = tuple(changed)
        change_ms = sum(lot.remaining_ms for lot in lots) - sum(
            lot.remaining_ms for lot in self.lots
        )
        account = attrs.evolve(self.account, balance_ms=self.account.balance_ms + change_ms)
        return attrs.evolve(self, lots=lots, account=_lots_known(account, lots))


def _lots_known(account: Account, lots: Sequence[Lot]) -> Account:
    """An account that knows what its lots keep for recordings."""
    return attrs.evolve(account, batch_ms=_batch_ms(lots))


def _batch_ms(lots: Sequence[Lot]) -> int:
    return sum(lot.remaining_ms for lot in lots if not lot.live)
