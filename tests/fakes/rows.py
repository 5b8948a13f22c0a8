"""The rows of a ledger's database, in memory."""

from uuid import UUID

import attrs

from relayd.ledger.balances import Reservation
from relayd.session.ports import OpenRequest

__all__ = ["FakeAccount", "FakeBoot", "FakeEntry", "FakeReservation", "FakeSession"]


@attrs.define(eq=False)
class FakeAccount:
    """One user."""

    balance_ms: int = 0
    held_ms: int = 0
    debt_ms: int = 0
    disabled: bool = False
    frozen: bool = False
    reserved_ms: int = 0

    @property
    def unreserved_ms(self) -> int:
        """What live streams have between them."""
        return self.balance_ms - self.reserved_ms

    def pay_debt(self) -> None:
        """Free credit pays debt before anything else."""
        while self.debt_ms and self.balance_ms > self.held_ms:
            paid = min(self.debt_ms, self.balance_ms - self.held_ms)
            self.debt_ms -= paid
            self.balance_ms -= paid


@attrs.define(eq=False)
class FakeSession:
    """One session; ``hungry_since`` is its place in the queue of those with nothing left."""

    request: OpenRequest
    boot_id: UUID
    used_ms: int = 0
    held_total_ms: int = 0
    hungry_since: tuple[int, UUID] | None = None
    end_reason: str | None = None
    paid_ms: int = 0
    continued: bool = False
    reported_ms: int | None = None


@attrs.define(eq=False)
class FakeReservation:
    """Credit set aside for what is no live stream; ``charged_ms`` once it has ended."""

    asked: Reservation
    charged_ms: int | None = None


@attrs.define(eq=False)
class FakeBoot:
    """A run of a daemon."""

    beats: int = 0
    ended: bool = False


@attrs.frozen
class FakeEntry:
    """One line of the ledger."""

    user_id: UUID
    kind: str
    key: str
    amount_ms: int
