"""How a route is protected: exactly one of authenticated, rate-limited and exempt.

Each decorator leaves its mark on the view, and the app refuses to start with a view that has
none: a route that somebody forgot to protect is never served.
"""

import enum
import functools
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Concatenate, Final, ParamSpec, TypeVar

from quart import has_websocket_context, request, websocket

from relayd.identity import Principal, Scope
from relayd.keys.keys import Keys
from relayd.quotas.blocks import rates_of
from relayd.quotas.limits import Rate
from relayd.routes.toolkit.bodies import refuse_no_json
from relayd.routes.toolkit.description import description_of
from relayd.routes.toolkit.plan_headers import announce
from relayd.routes.toolkit.problems import Problem, Refusal
from relayd.routes.toolkit.sites import refuse_other_sites
from relayd.routes.toolkit.wiring import requester_address, wiring

__all__ = [
    "AUTH_FAILED",
    "MISSING_SCOPE",
    "RATE_LIMITED",
    "SIGN_IN_NEEDED",
    "Protection",
    "authenticated",
    "authorised",
    "bearer_token",
    "count_sign_up",
    "exempt",
    "principal_of_request",
    "principal_of_upgrade",
    "protection_of",
    "rate_limited",
    "rate_limited_by",
    "scope_of",
    "unauthenticated",
]

P = ParamSpec("P")
R = TypeVar("R")
View = Callable[..., object]

_MARK: Final = "relayd_protection"
_SCOPE: Final = "relayd_scope"
_HOUR_SECONDS: Final = 3600

AUTH_FAILED: Final = Refusal(
    401,
    "auth_failed",
    "The access token is missing, wrong or expired. Sign in again or refresh it.",
    challenge=True,
)
KEY_FAILED: Final = (
    "The API key is unknown, expired or revoked, or was not copied whole. Make a new one on the "
    "page Keys of the dashboard."
)
SIGN_IN_NEEDED: Final = Refusal(
    403, "sign_in_needed", "An API key can't do this. Sign in, and send the access token."
)
MISSING_SCOPE: Final = Refusal(
    403, "missing_scope", "This API key lacks the scope that this takes. Make a key that has it."
)
RATE_LIMITED: Final = Refusal(
    429, "rate_limited", "Too many requests. Try again later.", retries=True
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


def authorised(
    scope: Scope,
) -> Callable[[Callable[Concatenate[Principal, P], Awaitable[R]]], Callable[P, Awaitable[R]]]:
    """The same, and programs that hold a key with this scope."""

    def protect(
        view: Callable[Concatenate[Principal, P], Awaitable[R]],
    ) -> Callable[P, Awaitable[R]]:
        @functools.wraps(view)
        async def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            return await view(await principal_of_request(scope), *args, **kwargs)

        setattr(guarded, _SCOPE, scope)
        return _marked(guarded, Protection.AUTHENTICATED)

    return protect


def scope_of(view: View) -> Scope | None:
    """What a key must be good for to be admitted to this view; None where no key is."""
    mark = getattr(view, _SCOPE, None)
    return mark if isinstance(mark, Scope) else None


def rate_limited(view: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Count the request among its address's attempts to sign in, before anything is read for it."""
    return _limited(view, "auth", lambda: wiring().services.requests_per_minute)


def rate_limited_by(
    key: str, per_minute: Callable[[], int]
) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, Awaitable[R]]]:
    """The same by a budget of its own."""
    return lambda view: _limited(view, key, per_minute)


def _limited(
    view: Callable[P, Awaitable[R]], key: str, per_minute: Callable[[], int]
) -> Callable[P, Awaitable[R]]:
    description = description_of(view)
    body = None if description is None else description.takes

    @functools.wraps(view)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        # Before it counts: else a page of another site, by having its visitors' browsers post
        # forms, would use up the budgets of their addresses.
        refuse_other_sites()
        if body is not None:
            refuse_no_json(required=body.required)
        await _count(rates_of(key, requester_address(), per_minute()))
        return await view(*args, **kwargs)

    return _marked(guarded, Protection.RATE_LIMITED)


async def count_sign_up() -> None:
    """Count an account that is to be made among those from its address, in this hour."""
    most = wiring().services.sign_ups_per_hour
    if most is not None:
        await _count(rates_of("sign-ups", requester_address(), most, _HOUR_SECONDS))


async def _count(rates: Sequence[Rate]) -> None:
    wait = await wiring().services.quotas.admit(rates)
    if wait > 0:
        raise RATE_LIMITED.problem(retry_after_seconds=math.ceil(wait))


def exempt(reason: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """State why a view needs neither: it is public and cheap, or protects itself."""
    assert reason

    def mark(view: Callable[P, R]) -> Callable[P, R]:
        return _marked(view, Protection.EXEMPT)

    return mark


async def principal_of_request(scope: Scope | None = None) -> Principal:
    """Whose token it carries, one whose sign-in stands, or a key with this scope.

    It counts for its user.
    """
    token = bearer_token()
    keys = wiring().services.keys
    if token and keys is not None and keys.spelling.claims(token):
        principal = await _holder(keys, token)
        if scope is None:
            raise SIGN_IN_NEEDED.problem()
    elif token:
        principal = await _signed_in(token)
    else:
        raise unauthenticated()
    if scope is not None:
        _demand(principal, scope)
    per_minute = wiring().services.requests_per_user
    await _count([Rate(f"requests {principal.user_id}", per_minute)])
    # An operator's programs are bounded like pages: a plan is for what it sells.
    programs = principal.key_id is not None and scope is not Scope.ADMIN
    if programs or (scope is Scope.BATCH and request.method == "POST"):
        await _count_under_plan(principal)
    return principal


async def _count_under_plan(principal: Principal) -> None:
    """Of programs, and whatever hands something in: the pages have a plan's owner look at it."""
    plans = wiring().services.plans
    admission = None if plans is None else await plans.admit(principal.user_id)
    if admission is None:
        return
    announce(admission)
    if admission.wait_seconds > 0:
        raise RATE_LIMITED.problem(
            f"Your plan has {admission.limit} requests a minute. Try again later.",
            retry_after_seconds=math.ceil(admission.wait_seconds),
        )


async def principal_of_upgrade() -> Principal | None:
    """Whose token or key a WebSocket's request carries, to open a live stream with.

    None where it carries none. A sign-in is looked at when the session is opened.
    """
    token = bearer_token()
    if not token:
        return None
    services = wiring().services
    if services.keys is not None and services.keys.spelling.claims(token):
        principal = await _holder(services.keys, token)
        _demand(principal, Scope.LIVE)
        return principal
    signed_in = await services.sessions.ports.authenticator.authenticate(token)
    if signed_in is None:
        raise unauthenticated()
    return signed_in


def _demand(principal: Principal, scope: Scope) -> None:
    if not principal.may(scope):
        raise MISSING_SCOPE.problem(
            f"This takes an API key with the scope {scope.value}. Make a key that has it."
        )


async def _signed_in(token: str) -> Principal:
    principal = await wiring().services.accounts.authenticate(token)
    if principal is None:
        raise unauthenticated()
    return principal


async def _holder(keys: Keys, token: str) -> Principal:
    """Who has this key. Looking one up counts for its address, so that nobody tries many."""
    principal = keys.recall(token)
    if principal is None and keys.spelling.hash_of(token) is not None:
        per_minute = wiring().services.requests_per_user
        await _count(rates_of("keys", requester_address(), per_minute))
        principal = await keys.authenticate(token)
    if principal is None:
        raise unauthenticated(key=True)
    return principal


def bearer_token() -> str | None:
    """The token of the Authorization header (RFC 6750, section 2.1)."""
    connection = websocket if has_websocket_context() else request
    values = connection.headers.getlist("Authorization")
    if len(values) != 1:
        return None
    scheme, _, token = values[0].strip().partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def unauthenticated(*, key: bool = False) -> Problem:
    """The one answer to a missing, wrong, expired or ended token, or ``key``."""
    return AUTH_FAILED.problem(KEY_FAILED if key else None)


def _marked(view: Callable[P, R], protection: Protection) -> Callable[P, R]:
    assert protection_of(view) is None, "a view has one protection"
    setattr(view, _MARK, protection)
    return view
