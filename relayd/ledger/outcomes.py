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
    "DayUsage",
    "Finding",
    "SessionRecord",
    "label",
]

# The end of a session whose daemon died. Not an `EndReason`: no session ever gives it.
SWEPT = "swept"


@attrs.frozen
class Balance:
    """What a user has. ``balance_ms`` includes ``held_ms``; with debt, nothing of it is free."""

    balance_ms: int
    held_ms: int
    debt_ms: int
    # A payment is disputed: nothing can be spent until that is decided.
    frozen: bool = False


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
class SessionRecord:
    """A session as recorded; ``ended_at`` is None while it lives."""

    session_id: UUID
    email: str
    engine: str
    model: str
    client_address: str
    started_at: dt.datetime
    ended_at: dt.datetime | None
    used_ms: int
    held_ms: int
    reported_ms: int | None
    end_reason: str | None


@attrs.frozen
class DayUsage:
    """One UTC day of one user: what sessions used, and what was credited."""

    date: dt.date
    used_ms: int
    credited_ms: int


@attrs.frozen
class Finding:
    """A broken identity: its rule, and the row at fault as names and values."""

    rule: str
    row: dict[str, object]


def label(finding: Finding) -> str:
    """A finding on one line."""
    return f"{finding.rule}: " + " ".join(f"{name}={value}" for name, value in finding.row.items())
