"""What the ledger says to operators and routes; what it says to a session is in its ports."""

import datetime as dt
import enum
from uuid import UUID

import attrs

__all__ = [
    "SWEPT",
    "Balance",
    "Booked",
    "BookingRefusal",
    "Charged",
    "DayUsage",
    "Discrepancy",
    "ReservationRefusal",
    "Reserved",
    "SessionRecord",
    "label",
]

# The end of a session whose daemon died. Not an `EndReason`: no session ever gives it.
SWEPT = "swept"


@attrs.frozen
class Balance:
    """What a user has. ``balance_ms`` includes ``held_ms``; with debt, nothing of it is free.

    ``held_ms`` includes ``reserved_ms``, which is set aside for what is no live stream.
    """

    balance_ms: int
    held_ms: int
    debt_ms: int
    # A payment is disputed: nothing can be spent until that is decided.
    frozen: bool = False
    reserved_ms: int = 0
    # Of what lots have left: for recordings alone.
    batch_ms: int = 0

    @property
    def streams_ms(self) -> int:
        """What live streams have between them, their holds included."""
        return self.balance_ms - max(self.reserved_ms, self.batch_ms)


@attrs.frozen
class Booked:
    """An entry that stands in the ledger. ``repeated``: it stood there before this call."""

    balance: Balance
    repeated: bool


class BookingRefusal(enum.Enum):
    """Why an entry was not booked."""

    UNKNOWN_USER = "there is no such user"
    KEY_TAKEN = "this entry key already books something else"


@attrs.frozen
class Reserved:
    """Credit that is set aside. ``repeated``: it was so before this call."""

    balance: Balance
    repeated: bool


class ReservationRefusal(enum.Enum):
    """Why credit was not set aside."""

    UNKNOWN_USER = "there is no such user"
    CREDIT_FROZEN = "a payment of theirs is disputed"
    INSUFFICIENT_CREDITS = "that much is not free"
    ID_TAKEN = "this reservation is of something else, or has ended"


@attrs.frozen
class Charged:
    """A reservation that ended: what was charged of it, and what the user has left."""

    charged_ms: int
    balance: Balance


@attrs.frozen
class SessionRecord:
    """A session as recorded; ``ended_at`` is None while it lives.

    ``used_ms`` and ``held_ms`` are credit at ``rate`` (a `Tariff`'s), ``reported_ms`` is audio.
    """

    session_id: UUID
    email: str
    engine: str
    model: str
    client_address: str
    started_at: dt.datetime
    ended_at: dt.datetime | None
    used_ms: int
    held_total_ms: int
    reported_ms: int | None
    end_reason: str | None
    rate: int


@attrs.frozen
class DayUsage:
    """One UTC day of one user: what was used, what was credited, and what ran out unused."""

    date: dt.date
    used_ms: int
    credited_ms: int
    expired_ms: int = 0


@attrs.frozen
class Discrepancy:
    """A broken identity: its rule, and the row at fault as names and values."""

    rule: str
    row: dict[str, object]


def label(finding: Discrepancy) -> str:
    """A finding on one line."""
    return f"{finding.rule}: " + " ".join(f"{name}={value}" for name, value in finding.row.items())
