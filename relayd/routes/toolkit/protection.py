"""How a route is protected: exactly one of authenticated, rate-limited and exempt.

Each decorator leaves its mark on the view, and the app refuses to start with a view that has
none: a route that somebody forgot to protect is never served.
"""

import enum
import functools
import math
from collections.abc import Awaitable, Callable
from typing import Concatenate, Final, ParamSpec, TypeVar

from quart import request

from relayd.edge.peer import address_block
from relayd.identity import Principal
from relayd.quotas.limits import Rate
from relayd.routes.toolkit.problems import Problem, Refusal
from relayd.routes.toolkit.wiring import requester_address, wiring

__all__ = [
    "AUTH_FAILED",
    "RATE_LIMITED",
    "Protection",
    "authenticated",
    "bearer_token",
    "exempt",
    "principal_of_request",
    "protection_of",
    "rate_limited",
    "rate_limited_by",
    "unauthenticated",
]

P = ParamSpec("P")
R = TypeVar("R")
View = Callable[..., object]

_MARK: Final = "relayd_protection"

AUTH_FAILED: Final = Refusal(
    401,
    "auth_failed",
    "The access token is missing, wrong or expired. Sign in again or refresh it.",
    challenge=True,
)
RATE_LIMITED: Final = Refusal(
    429, "rate_limited", "Too many requests from this address. Try again later.", retries=True
)


class Protection(enum.Enum):
    """What stands before a view."""

    AUTHENTICATED = enum.auto()
    RATE_LIMITED = enum.auto()
    EXEMPT = enum.auto()


def protection_of(view: View) -> Protection | None:
    """What a view was decorated with."""
    mark = getattr(view, _MARK, None)
    return mark if isinstance(mark, Protection) else None


def authenticated(
    view: Callable[Concatenate[Principal, P], Awaitable[R]],
) -> Callable[P, Awaitable[R]]:
    """Admit holders of a valid access token whose sign-in stands; the view gets the principal."""

    @functools.wraps(view)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        return await view(await principal_of_request(), *args, **kwargs)

    return _marked(guarded, Protection.AUTHENTICATED)


def rate_limited(view: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Count the request among its address's attempts to sign in, before anything is read for it."""
    return rate_limited_by(_signing_in)(view)


def rate_limited_by(
    rate: Callable[[str], Rate],
) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, Awaitable[R]]]:
    """The same by a rate of its own, made for the block of addresses that a request comes from.

    Whoever comes by a Unix socket, from no address, counts as one.
    """

    def limit(view: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
        @functools.wraps(view)
        async def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            block = str(address_block(requester_address()))
            wait = await wiring().services.quotas.admit([rate(block)])
            if wait > 0:
                raise RATE_LIMITED.problem(retry_after_seconds=math.ceil(wait))
            return await view(*args, **kwargs)

        return _marked(guarded, Protection.RATE_LIMITED)

    return limit


def exempt(reason: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """State why a view needs neither: it is public and cheap, or protects itself."""
    assert reason

    def mark(view: Callable[P, R]) -> Callable[P, R]:
        return _marked(view, Protection.EXEMPT)

    return mark


async def principal_of_request() -> Principal:
    """Whose access token it carries, one whose sign-in stands."""
    token = bearer_token()
    principal = await wiring().services.accounts.authenticate(token) if token else None
    if principal is None:
        raise unauthenticated()
    return principal


def bearer_token() -> str | None:
    """The token of the Authorization header (RFC 6750, section 2.1)."""
    values = request.headers.getlist("Authorization")
    if len(values) != 1:
        return None
    scheme, _, token = values[0].strip().partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def unauthenticated() -> Problem:
    """The one answer to a missing, wrong, expired or ended token."""
    return AUTH_FAILED.problem()


def _signing_in(block: str) -> Rate:
    return Rate(f"auth {block}", wiring().services.requests_per_minute)


def _marked(view: Callable[P, R], protection: Protection) -> Callable[P, R]:
    assert protection_of(view) is None, "a view has one protection"
    setattr(view, _MARK, protection)
    return view
