"""What can come of asking for an account: facts, and refusals as values."""

import datetime as dt
import enum
from uuid import UUID

import attrs

from relayd.identity import Principal

__all__ = [
    "ChangeRefusal",
    "Credentials",
    "Delayed",
    "FactorRefusal",
    "LinkRefusal",
    "LoginRefusal",
    "PasswordRefusal",
    "ProofRefusal",
    "RefreshRefusal",
    "RegisterRefusal",
    "SignedIn",
    "User",
]


@attrs.frozen
class User:
    """An account. ``email`` is in its one spelling; times are in UTC."""

    id: UUID
    email: str
    created_at: dt.datetime
    disabled_at: dt.datetime | None = None
    # When mail to the address was seen to reach them.
    email_proven_at: dt.datetime | None = None


@attrs.frozen
class Credentials:
    """What a login is checked against."""

    user: User
    password_hash: str = attrs.field(repr=False)
    # Whether signing in takes a code too.
    second_factor: bool = False


@attrs.frozen
class SignedIn:
    """A user with a fresh pair of tokens, and how many seconds each is good for."""

    user: User
    principal: Principal
    token: str = attrs.field(repr=False)
    refresh_token: str = attrs.field(repr=False)
    # Shows at a later sign-in that it comes from where this one did.
    device_token: str = attrs.field(repr=False)
    expires_seconds: int
    refresh_expires_seconds: int


@attrs.frozen
class Delayed:
    """Too many wrong passwords or codes: nothing was looked at, and may be after so long."""

    seconds: float


class RegisterRefusal(enum.Enum):
    """Why no account was made."""

    INVALID_EMAIL = enum.auto()
    INVALID_PASSWORD = enum.auto()
    EMAIL_TAKEN = enum.auto()
    BUSY = enum.auto()


class LoginRefusal(enum.Enum):
    """Why a login failed. An unknown address and a wrong password are the same."""

    WRONG = enum.auto()
    # These are said only to who knows the password.
    DISABLED = enum.auto()
    CODE_NEEDED = enum.auto()
    WRONG_CODE = enum.auto()
    BUSY = enum.auto()


class RefreshRefusal(enum.Enum):
    """Why a refresh token is refused. Clients hear one answer; the log tells them apart."""

    UNKNOWN = enum.auto()
    # A browser's at a door for apps, or the other way round.
    MISPLACED = enum.auto()
    EXPIRED = enum.auto()
    ENDED = enum.auto()
    DISABLED = enum.auto()
    # A spent token came back, past the grace: its family was ended.
    REUSED = enum.auto()


class PasswordRefusal(enum.Enum):
    """Why nothing came of what a user's own password is asked for again."""

    # The password that should be the present one is not.
    WRONG = enum.auto()
    # The next one can't be one.
    INVALID_PASSWORD = enum.auto()
    # The account was disabled or its password changed meanwhile.
    OVERTAKEN = enum.auto()
    BUSY = enum.auto()


class LinkRefusal(enum.Enum):
    """Why nothing came of a one-time link."""

    # Unknown, used before, past its time, or overtaken by a change of the account.
    STALE = enum.auto()
    # Somebody else has taken the address meanwhile.
    EMAIL_TAKEN = enum.auto()
    INVALID_PASSWORD = enum.auto()
    BUSY = enum.auto()


class ProofRefusal(enum.Enum):
    """Why no mail is sent to have an address proven."""

    INVALID_EMAIL = enum.auto()
    # One's own already, and proven.
    PROVEN = enum.auto()
    EMAIL_TAKEN = enum.auto()


class FactorRefusal(enum.Enum):
    """Why a second factor stays as it is."""

    # It is on, or off, already.
    UNCHANGED = enum.auto()
    WRONG_CODE = enum.auto()
    # The operator wants this account to have one.
    REQUIRED = enum.auto()


class ChangeRefusal(enum.Enum):
    """Why an operator's change was not made."""

    UNKNOWN_USER = enum.auto()
    INVALID_PASSWORD = enum.auto()
    BUSY = enum.auto()
