"""What is known of a key, what is asked for in a new one, and why there is none: values."""

import datetime as dt
import enum
from uuid import UUID

import attrs

from relayd.identity import Principal, Scope

__all__ = ["NAME_CHARACTERS", "ApiKey", "KeyRefusal", "KeyStanding", "MadeKey", "WantedKey"]

NAME_CHARACTERS = 100


@attrs.frozen
class ApiKey:
    """A key as its owner sees it. Moments are UTC; ``last_used_at`` is true to a minute."""

    id: UUID
    user_id: UUID
    name: str
    # How it begins and ends.
    hint: str
    test: bool
    scopes: frozenset[Scope]
    created_at: dt.datetime
    expires_at: dt.datetime | None
    last_used_at: dt.datetime | None
    revoked_at: dt.datetime | None


@attrs.frozen
class WantedKey:
    """What a new key shall be."""

    user_id: UUID
    name: str
    scopes: frozenset[Scope]
    test: bool = False
    # None: it doesn't expire.
    expires_at: dt.datetime | None = None


@attrs.frozen
class MadeKey:
    """A key with its text, which nobody can say again."""

    key: ApiKey
    text: str = attrs.field(repr=False)


@attrs.frozen
class KeyStanding:
    """What a check of a key goes by: who it is, until when, and when its use was last noted.

    Seconds from the moment of the lookup.
    """

    principal: Principal
    expires_in: float | None
    used_ago: float | None


class KeyRefusal(enum.Enum):
    """Why no key was made."""

    TOO_MANY = "there are as many keys as one account may have"
    UNKNOWN_USER = "there is no such account"
