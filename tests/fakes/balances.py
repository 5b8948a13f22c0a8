"""A user's credit in memory: what is booked, set aside, granted for a while and taken back.

The rules are written a second time here, not imported, so that a slip in one of them shows as a
difference from PostgreSQL.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import attrs

from relayd.errors import LedgerUnavailable
from relayd.ledger.balances import Reservation
from relayd.ledger.outcomes import (
    Balance,
    Booked,
    BookingRefusal,
    Charged,
    ReservationRefusal,
    Reserved,
)
from tests.fakes.lots import FakeLot, FakeLots
from tests.fakes.rows import FakeAccount, FakeEntry, FakeReservation

__all__ = ["FakeCredit"]


@attrs.define(eq=False)
class FakeCredit:
    """Accounts, lots, reservations and entries; the methods are transactions, without I/O."""

    accounts: dict[UUID, FakeAccount] = attrs.field(factory=dict)
    purses: dict[UUID, FakeLots] = attrs.field(factory=dict)
    reservations: dict[UUID, FakeReservation] = attrs.field(factory=dict)
    entries: list[FakeEntry] = attrs.field(factory=list)

    def book(self, user_id: UUID, kind: str, key: str, amount_ms: int) -> Booked | BookingRefusal:
        """Book a grant or an adjustment, once per key."""
        account = self.accounts.get(user_id)
        if account is None:
            return BookingRefusal.UNKNOWN_USER
        self._collect(user_id)
        entry = FakeEntry(user_id, kind, key, amount_ms)
        taken = [one for one in self.entries if (one.kind, one.key) == (kind, key)]
        if taken and taken != [entry]:
            return BookingRefusal.KEY_TAKEN
        if not taken:
            self.entries.append(entry)
            if amount_ms > 0:
                account.balance_ms += amount_ms
            else:
                account.debt_ms -= amount_ms
            self._pay(user_id, lasting_first=True)
        return Booked(self.balance(user_id), repeated=bool(taken))

    def grant_lot(
        self, user_id: UUID, key: str, amount_ms: int, hours: int, live: bool
    ) -> Booked | BookingRefusal:
        """Credit that runs out after so many hours, once per key."""
        account = self.accounts.get(user_id)
        if account is None:
            return BookingRefusal.UNKNOWN_USER
        self._collect(user_id)
        known = [(owner, lot) for owner, lot in self._lots() if lot.key == key]
        if known and (known[0][0], known[0][1].amount) != (user_id, amount_ms):
            return BookingRefusal.KEY_TAKEN
        if not known:
            number = sum(1 for _ in self._lots())
            lot = FakeLot(key, hours, number, live, amount_ms, amount_ms)
            self.entries.append(FakeEntry(user_id, "lot", key, amount_ms))
            self.purses[user_id].add(lot)
            account.balance_ms += amount_ms
            self._pay(user_id)
            self._collect(user_id)
        return Booked(self.balance(user_id), repeated=bool(known))

    def claim_lot(self, key: str, claimed_ms: int) -> Balance | None:
        """Refunds want so much of a lot back by now."""
        for user_id, lot in self._lots():
            if lot.key == key:
                self._collect(user_id)
                gone = self.purses[user_id].gone()
                self.purses[user_id].claim(lot, claimed_ms)
                self._collect(user_id, gone)
                return self.balance(user_id)
        return None

    def pass_time(self, user_id: UUID, hours: int) -> None:
        """So much later, for this user's lots."""
        for lot in self.purses[user_id].lots:
            lot.hours_left -= hours

    def expire(self, user_id: UUID) -> None:
        """Somebody looks for what has run out, and takes it."""
        self._collect(user_id)

    def lots_of(self, user_id: UUID) -> list[tuple[str, int, int, int, int, int, int]]:
        """What is recorded of a user's lots, in the order in which they were granted."""
        lots = sorted(self.purses[user_id].lots, key=lambda lot: lot.number)
        return [lot.state() for lot in lots]

    def balance(self, user_id: UUID) -> Balance:
        """What a user has."""
        one = self.accounts[user_id]
        return Balance(
            one.balance_ms,
            one.held_ms,
            one.debt_ms,
            one.frozen,
            one.reserved_ms,
            self.purses[user_id].for_recordings,
        )

    def hold(self, asked: Reservation) -> Reserved | ReservationRefusal:
        """Set credit aside for what is no live stream."""
        account = self.accounts.get(asked.user_id)
        known = self.reservations.get(asked.id)
        if account is None:
            return ReservationRefusal.UNKNOWN_USER
        self._collect(asked.user_id)
        if known is not None and (known.charged_ms is not None or known.asked != asked):
            return ReservationRefusal.ID_TAKEN
        if known is None:
            if account.frozen:
                return ReservationRefusal.CREDIT_FROZEN
            if asked.amount_ms > account.balance_ms - account.held_ms:
                return ReservationRefusal.INSUFFICIENT_CREDITS
            self.reservations[asked.id] = FakeReservation(asked)
            account.held_ms += asked.amount_ms
            account.reserved_ms += asked.amount_ms
        return Reserved(self.balance(asked.user_id), repeated=known is not None)

    def settle(self, reservation_id: UUID, charged_ms: int) -> Charged | None:
        """Charge a part of it, and give back the rest."""
        one = self.reservations.get(reservation_id)
        if one is None:
            return None
        user_id = one.asked.user_id
        self._collect(user_id)
        if one.charged_ms is None:
            one.charged_ms = charged_ms
            account = self.accounts[user_id]
            account.balance_ms -= charged_ms
            account.held_ms -= one.asked.amount_ms
            account.reserved_ms -= one.asked.amount_ms
            key = str(reservation_id)
            self.entries.append(FakeEntry(user_id, "reservation", key, -charged_ms))
            self.purses[user_id].spend(charged_ms, stream=False)
            self._pay(user_id)
            self._collect(user_id)
        return Charged(one.charged_ms, self.balance(user_id))

    def freeze(self, user_id: UUID) -> None:
        """A payment of the user is disputed."""
        self.accounts[user_id].frozen = True

    def thaw(self, user_id: UUID) -> None:
        """Every dispute of the user is decided."""
        self.accounts[user_id].frozen = False

    def check_lots(self, user_id: UUID, used_ms: int, unused_ms: int) -> None:
        """Assert every identity of a user's lots."""
        entries = [one for one in self.entries if one.user_id == user_id]
        purse = self.purses[user_id]
        assert purse.lasting(used_ms) >= 0
        assert unused_ms <= self.accounts[user_id].balance_ms - purse.for_recordings
        for lot in purse.lots:
            assert lot.left == lot.amount - lot.spent - lot.expired - lot.taken >= 0
            assert lot.owed == max(0, lot.spent + lot.claimed - lot.amount)
            assert lot.taken + lot.owed <= lot.claimed
            booked = [one for one in entries if one.key.partition("/")[0] == lot.key]
            assert sum(one.amount_ms for one in booked) == (
                lot.amount - lot.expired - lot.taken - lot.owed
            )

    def _lots(self) -> Iterator[tuple[UUID, FakeLot]]:
        for user_id, purse in self.purses.items():
            for lot in purse.lots:
                yield user_id, lot

    def _for_streams(self, user_id: UUID) -> int:
        account = self.accounts[user_id]
        return account.balance_ms - max(account.reserved_ms, self.purses[user_id].for_recordings)

    def _due(self, user_id: UUID) -> bool:
        return any(lot.too_much() for lot in self.purses[user_id].lots)

    def _collect(self, user_id: UUID, gone: dict[str, int] | None = None) -> None:
        if user_id in self.purses:
            purse = self.purses[user_id]
            before = purse.gone() if gone is None else gone
            self.entries += purse.collect(self._used(user_id), before)

    def _pay(self, user_id: UUID, *, lasting_first: bool = False) -> None:
        self.purses[user_id].pay(self._used(user_id), lasting_first=lasting_first)

    @contextmanager
    def _whole(self, user_id: UUID) -> Iterator[None]:
        """Nothing of a transaction stays that the ledger refuses for now."""
        saved = copy.deepcopy((self.accounts.get(user_id), self.purses.get(user_id)))
        entries = len(self.entries)
        try:
            yield
        except LedgerUnavailable:
            account, purse = saved
            assert account is not None
            assert purse is not None
            purse.account = account
            self.accounts[user_id], self.purses[user_id] = account, purse
            del self.entries[entries:]
            raise

    def _used(self, user_id: UUID) -> int:
        """What a user's open sessions have used."""
        raise NotImplementedError
