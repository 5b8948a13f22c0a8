"""How long sign-ins and their tokens are good for, by who keeps them. Pure."""

import enum
from typing import Final, Self

import attrs

from relayd.config import Auth

__all__ = ["Keeper", "Lifetime", "Lifetimes"]

_MINUTE_SECONDS: Final = 60
_DAY_SECONDS: Final = 86_400
# Of an access token in a page: its refresh token is always at hand, and any script of the page can
# read what the page has.
_PAGE_ACCESS_SECONDS: Final = 15 * _MINUTE_SECONDS


class Keeper(enum.Enum):
    """Who keeps the tokens of a sign-in; those of one are no good where the other one's belong."""

    # A program: both tokens, in a place of its own.
    APP = "app"
    # The refresh token in a cookie that no script reads, the access token in a page's memory.
    BROWSER = "browser"


@attrs.frozen
class Lifetime:
    """In seconds: of an access token, of a sign-in that nobody renews, and of one at the most."""

    access_seconds: int
    idle_seconds: int
    whole_seconds: int


@attrs.frozen
class Lifetimes:
    """Those of each keeper."""

    app: Lifetime
    browser: Lifetime

    @classmethod
    def configured(cls, auth: Auth) -> Self:
        """As the operator has it."""
        idle_seconds = auth.refresh_days * _DAY_SECONDS
        return cls(
            app=Lifetime(
                auth.access_minutes * _MINUTE_SECONDS,
                idle_seconds,
                auth.sign_in_days * _DAY_SECONDS,
            ),
            browser=Lifetime(
                _PAGE_ACCESS_SECONDS, idle_seconds, auth.page_sign_in_days * _DAY_SECONDS
            ),
        )

    def of(self, keeper: Keeper) -> Lifetime:
        """That of this keeper."""
        return self.app if keeper is Keeper.APP else self.browser
