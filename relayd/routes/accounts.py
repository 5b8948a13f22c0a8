"""POST /auth/*: making an account, signing in, staying signed in, signing out."""

from typing import Any, Final, assert_never

from quart import Blueprint

from relayd import logs
from relayd.accounts.lifetimes import Keeper
from relayd.accounts.outcomes import (
    LoginRefusal,
    RefreshRefusal,
    RegisterRefusal,
    SignedIn,
    User,
)
from relayd.accounts.passwords import problem
from relayd.routes.bodies import read_bytes, read_object, text_field
from relayd.routes.description import Answer, Body, Link, Topic, described
from relayd.routes.problems import UNAVAILABLE, Problem
from relayd.routes.protection import AUTH_FAILED, bearer_token, rate_limited, unauthenticated
from relayd.routes.signing_in import (
    ACCOUNT_DISABLED,
    CREDENTIALS,
    EMAIL_TAKEN,
    INVALID_CREDENTIALS,
    INVALID_EMAIL,
    INVALID_PASSWORD,
    INVALID_REFRESH_TOKEN,
    LOGOUT,
    REFRESH,
    REGISTRATION,
    SIGNED_IN,
    SIGNED_OUT,
)
from relayd.routes.wiring import requester_address, wiring

__all__ = ["blueprint", "busy", "take_login", "take_registration", "user_fields"]

log = logs.get(__name__)

blueprint = Blueprint("accounts", __name__, url_prefix="/auth")

# About as long as a full queue for the password threads takes.
_BUSY_SECONDS: Final = 5
_NOTHING: Final = (
    "Send the refresh token in the field refresh_token, or an access token that is still good as "
    "bearer. If neither is there, sign in again."
)
# What a pair of tokens is good for, for who explores the document by machine.
_AFTERWARDS: Final = {
    name: Link(body={"refresh_token": "$response.body#/refresh_token"})
    for name in ("accounts_refresh", "accounts_logout")
}


@blueprint.post("/register")
@rate_limited
@described(
    Topic.ACCOUNTS,
    takes=Body(REGISTRATION),
    gives={201: Answer("The account is made and signed in.", SIGNED_IN, links=_AFTERWARDS)},
    refuses=(EMAIL_TAKEN, INVALID_EMAIL, INVALID_PASSWORD, UNAVAILABLE),
)
async def register() -> tuple[dict[str, Any], int]:
    """Make an account and sign it in."""
    return _pair(await take_registration()), 201


@blueprint.post("/login")
@rate_limited
@described(
    Topic.ACCOUNTS,
    takes=Body(CREDENTIALS),
    gives={200: Answer("Signed in.", SIGNED_IN, links=_AFTERWARDS)},
    refuses=(INVALID_CREDENTIALS, ACCOUNT_DISABLED, UNAVAILABLE),
)
async def login() -> dict[str, Any]:
    """Sign in. A wrong password and an unknown address get the same answer."""
    return _pair(await take_login())


@blueprint.post("/refresh")
@rate_limited
@described(
    Topic.ACCOUNTS,
    takes=Body(REFRESH, required=False),
    gives={200: Answer("The next pair; the old one is spent.", SIGNED_IN, links=_AFTERWARDS)},
    refuses=(AUTH_FAILED, INVALID_REFRESH_TOKEN, UNAVAILABLE),
    schemes=("bearer", ""),
    more="Without a refresh token in the body, an access token that is still good is traded, which "
    "spends the refresh token that came with it. Presenting a spent one again within 10 seconds "
    "(a reply may get lost) gives the same refresh token again; later it ends the whole sign-in.",
)
async def refresh() -> dict[str, Any]:
    """Exchange a refresh token, or else the access token, for the next pair of the sign-in."""
    accounts = wiring().services.accounts
    presented = await _refresh_token()
    if presented is not None:
        outcome = await accounts.refresh(presented)
    else:
        outcome = await accounts.refresh_by_access(bearer_token() or "")
    if isinstance(outcome, RefreshRefusal):
        log.info("refresh refused", reason=outcome.name.lower(), address=requester_address())
        raise (
            AUTH_FAILED.problem(_NOTHING) if presented is None else INVALID_REFRESH_TOKEN.problem()
        )
    return _pair(outcome)


async def _refresh_token() -> str | None:
    """The one in the request's body; None where that has none, or there is no body."""
    body = await read_object() if await read_bytes() else {}
    return text_field(body, "refresh_token") if "refresh_token" in body else None


@blueprint.post("/logout")
@rate_limited
@described(
    Topic.ACCOUNTS,
    takes=Body(LOGOUT, required=False),
    gives={200: Answer("Signed out, now or before.", SIGNED_OUT)},
    refuses=(AUTH_FAILED, UNAVAILABLE),
    schemes=("bearer", ""),
    more="The access token is needed where no refresh token is given. Live sessions of this "
    "sign-in end when they next renew their hold on credit.",
)
async def logout() -> dict[str, Any]:
    """End a sign-in, named by its refresh token or else by the access token.

    Both may be past their time or ended already: who wants to be signed out, is. Only an
    access token that can't be read names nothing to end.
    """
    accounts = wiring().services.accounts
    presented = await _refresh_token()
    if presented is not None:
        await accounts.logout_by_token(presented)
        return {"signed_out": True}
    token = bearer_token()
    principal = accounts.tokens.authenticate(token) if token else None
    if principal is None:
        raise unauthenticated()
    await accounts.logout(principal)
    return {"signed_out": True}


def _pair(signed_in: SignedIn) -> dict[str, Any]:
    return {
        "token": signed_in.token,
        "refresh_token": signed_in.refresh_token,
        "expires_in": signed_in.expires_seconds,
        "user": user_fields(signed_in.user),
    }


def user_fields(user: User) -> dict[str, str]:
    """An account as its owner sees it."""
    return {
        "id": str(user.id),
        "email": user.email,
        "created_at": user.created_at.isoformat(),
    }


async def take_registration(keeper: Keeper = Keeper.APP) -> SignedIn:
    """Make the account that the request's body asks for."""
    body = await read_object()
    email, password = text_field(body, "email"), text_field(body, "password")
    outcome = await wiring().services.accounts.register(email, password, keeper)
    if isinstance(outcome, RegisterRefusal):
        raise _register_problem(outcome, password)
    log.info("account registered", user=outcome.user.id, address=requester_address())
    return outcome


async def take_login(keeper: Keeper = Keeper.APP) -> SignedIn:
    """Sign in with the credentials of the request's body."""
    body = await read_object()
    email, password = text_field(body, "email"), text_field(body, "password")
    outcome = await wiring().services.accounts.login(email, password, keeper)
    if isinstance(outcome, LoginRefusal):
        log.info("login refused", reason=outcome.name.lower(), address=requester_address())
        raise _login_problem(outcome)
    return outcome


def _register_problem(refusal: RegisterRefusal, password: str) -> Problem:
    """Why there is no new account."""
    match refusal:
        case RegisterRefusal.INVALID_EMAIL:
            return INVALID_EMAIL.problem()
        case RegisterRefusal.INVALID_PASSWORD:
            return INVALID_PASSWORD.problem(problem(password))
        case RegisterRefusal.EMAIL_TAKEN:
            return EMAIL_TAKEN.problem()
        case RegisterRefusal.BUSY:
            return busy()
        case _:
            assert_never(refusal)


def _login_problem(refusal: LoginRefusal) -> Problem:
    """Why a login failed."""
    match refusal:
        case LoginRefusal.WRONG:
            return INVALID_CREDENTIALS.problem()
        case LoginRefusal.DISABLED:
            return ACCOUNT_DISABLED.problem()
        case LoginRefusal.BUSY:
            return busy()
        case _:
            assert_never(refusal)


def busy() -> Problem:
    """The queue for the password threads is full."""
    return UNAVAILABLE.problem(
        "Too many sign-ins at once. Try again shortly.", retry_after_seconds=_BUSY_SECONDS
    )
