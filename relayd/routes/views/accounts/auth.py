"""POST /auth/*: making an account, signing in, staying signed in, signing out."""

import math
from typing import Final, assert_never

from msgspec import UNSET
from quart import Blueprint

from relayd import logs
from relayd.accounts.outcomes import (
    Delayed,
    LoginRefusal,
    PasswordRefusal,
    RefreshRefusal,
    RegisterRefusal,
    SignedIn,
)
from relayd.accounts.proving.passwords import OWN_ADDRESS, problem
from relayd.accounts.sign_ins.devices import Visitor
from relayd.accounts.sign_ins.lifetimes import Keeper
from relayd.accounts.users.emails import refused_domain
from relayd.quotas.blocks import blocks_of
from relayd.routes.toolkit.bodies import read_bytes, read_form
from relayd.routes.toolkit.description import Answer, Body, ResponseLink, Topic, described
from relayd.routes.toolkit.problems import UNAVAILABLE, Problem
from relayd.routes.toolkit.protection import (
    AUTH_FAILED,
    bearer_token,
    count_sign_up,
    rate_limited,
    rate_limited_by,
    unauthenticated,
)
from relayd.routes.toolkit.wiring import requester_address, wiring
from relayd.routes.views.accounts.signing_in import (
    ACCOUNT_DISABLED,
    CODE_NEEDED,
    EMAIL_TAKEN,
    INVALID_CREDENTIALS,
    INVALID_EMAIL,
    INVALID_PASSWORD,
    INVALID_REFRESH_TOKEN,
    TOO_MANY_GUESSES,
    WRONG_CODE,
    WRONG_PASSWORD,
    LoginCredentials,
    Presented,
    Registration,
    SignedOut,
    TokenPair,
    staying_per_minute,
)

__all__ = [
    "AFTERWARDS",
    "LOGIN_REFUSALS",
    "blueprint",
    "busy",
    "password_problem",
    "refuse_domain",
    "take_login",
    "take_registration",
    "visitor",
]

log = logs.get(__name__)

blueprint = Blueprint("accounts", __name__, url_prefix="/auth")

# About as long as a full queue for the password threads takes.
_BUSY_SECONDS: Final = 5
_NOTHING: Final = (
    "Send the refresh token in the field refresh_token, or an access token that is still good as "
    "bearer. If neither is there, sign in again."
)
LOGIN_REFUSALS: Final = (
    INVALID_CREDENTIALS,
    CODE_NEEDED,
    WRONG_CODE,
    TOO_MANY_GUESSES,
    ACCOUNT_DISABLED,
    UNAVAILABLE,
)
# What a pair of tokens is good for, for who explores the document by machine.
AFTERWARDS: Final = {
    name: ResponseLink(body={"refresh_token": "$response.body#/refresh_token"})
    for name in ("accounts_refresh", "accounts_logout")
}


@blueprint.post("/register")
@rate_limited
@described(
    Topic.ACCOUNTS,
    takes=Body(Registration),
    gives={201: Answer("The account is made and signed in.", TokenPair, links=AFTERWARDS)},
    refuses=(EMAIL_TAKEN, INVALID_EMAIL, INVALID_PASSWORD, UNAVAILABLE),
)
async def register() -> TokenPair:
    """Make an account and sign it in."""
    return TokenPair.of(await take_registration())


@blueprint.post("/login")
@rate_limited
@described(
    Topic.ACCOUNTS,
    takes=Body(LoginCredentials),
    gives={200: Answer("Signed in.", TokenPair, links=AFTERWARDS)},
    refuses=LOGIN_REFUSALS,
    more="After four wrong passwords in a row each further one takes a pause that doubles, from 15 "
    "seconds up to 15 minutes. With the device_token of an earlier sign-in nobody else's count.",
)
async def login() -> TokenPair:
    """Sign in. A wrong password and an unknown address get the same answer."""
    return TokenPair.of(await take_login())


@blueprint.post("/refresh")
@rate_limited_by("refresh", staying_per_minute)
@described(
    Topic.ACCOUNTS,
    takes=Body(Presented, required=False),
    gives={200: Answer("The next pair; the old one is spent.", TokenPair, links=AFTERWARDS)},
    refuses=(AUTH_FAILED, INVALID_REFRESH_TOKEN, UNAVAILABLE),
    schemes=("bearer", ""),
    more="Without a refresh token in the body, an access token that is still good is traded, which "
    "spends the refresh token that came with it. Presenting a spent one again within 10 seconds "
    "(a reply may get lost) gives the same refresh token again; later it ends the whole sign-in.",
)
async def refresh() -> TokenPair:
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
    return TokenPair.of(outcome)


async def _refresh_token() -> str | None:
    """The one in the request's body; None where that has none, or there is no body."""
    presented = await read_form(Presented) if await read_bytes() else Presented()
    return None if presented.refresh_token is UNSET else presented.refresh_token


@blueprint.post("/logout")
@rate_limited_by("logout", staying_per_minute)
@described(
    Topic.ACCOUNTS,
    takes=Body(Presented, required=False),
    gives={200: Answer("Signed out, now or before.", SignedOut)},
    refuses=(AUTH_FAILED, UNAVAILABLE),
    schemes=("bearer", ""),
    more="The access token is needed where no refresh token is given. Live sessions of this "
    "sign-in end when they next renew their hold on credit.",
)
async def logout() -> SignedOut:
    """End a sign-in, named by its refresh token or else by the access token.

    Both may be past their time or ended already: who wants to be signed out, is. Only an
    access token that can't be read names nothing to end.
    """
    accounts = wiring().services.accounts
    presented = await _refresh_token()
    if presented is not None:
        await accounts.logout_by_token(presented)
        return SignedOut(signed_out=True)
    token = bearer_token()
    principal = accounts.tokens.authenticate(token) if token else None
    if principal is None:
        raise unauthenticated()
    await accounts.logout(principal)
    return SignedOut(signed_out=True)


async def take_registration(keeper: Keeper = Keeper.APP) -> SignedIn:
    """Make the account that the request's body asks for."""
    asked = await read_form(Registration)
    refuse_domain(asked.email)
    await count_sign_up()
    outcome = await wiring().services.accounts.register(
        asked.email, asked.password, keeper, visitor()
    )
    if isinstance(outcome, RegisterRefusal):
        raise _register_problem(outcome, asked.password)
    log.info("account registered", user=outcome.user.id, address=requester_address())
    return outcome


async def take_login(keeper: Keeper = Keeper.APP, device_token: str = "") -> SignedIn:
    """Sign in with the credentials of the request's body; ``device_token``: that of a cookie."""
    given = await read_form(LoginCredentials)
    outcome = await wiring().services.accounts.login(
        given.email,
        given.password,
        keeper,
        visitor(given.device_token or device_token),
        given.code,
    )
    if not isinstance(outcome, SignedIn):
        raise _login_problem(outcome)
    return outcome


def visitor(device_token: str = "") -> Visitor:
    """Who asks: from where, and as which browser or app that was signed in before."""
    address = requester_address()
    # Of IPv6 the /64: whoever has an address has all of it. None for a Unix socket.
    block = next((str(one.network) for one in blocks_of(address)), "local")
    return Visitor(address, block, device_token)


def refuse_domain(email: str) -> None:
    """Refuse an address of a domain that the operator doesn't take."""
    domain = refused_domain(email, wiring().services.refused_domains)
    if domain is not None:
        raise INVALID_EMAIL.problem(f"Addresses at {domain} aren't taken here. Use another one.")


def _register_problem(refusal: RegisterRefusal, password: str) -> Problem:
    """Why there is no new account."""
    match refusal:
        case RegisterRefusal.INVALID_EMAIL:
            return INVALID_EMAIL.problem()
        case RegisterRefusal.INVALID_PASSWORD:
            return INVALID_PASSWORD.problem(problem(password) or OWN_ADDRESS)
        case RegisterRefusal.EMAIL_TAKEN:
            return EMAIL_TAKEN.problem()
        case RegisterRefusal.BUSY:
            return busy()
        case _:
            assert_never(refusal)


def _login_problem(refusal: LoginRefusal | Delayed) -> Problem:
    """Why a login failed."""
    match refusal:
        case Delayed(seconds):
            return TOO_MANY_GUESSES.problem(retry_after_seconds=math.ceil(seconds))
        case LoginRefusal.CODE_NEEDED:
            return CODE_NEEDED.problem()
        case LoginRefusal.WRONG_CODE:
            return WRONG_CODE.problem()
        case LoginRefusal.WRONG:
            return INVALID_CREDENTIALS.problem()
        case LoginRefusal.DISABLED:
            return ACCOUNT_DISABLED.problem()
        case LoginRefusal.BUSY:
            return busy()
        case _:
            assert_never(refusal)


def password_problem(refusal: PasswordRefusal | Delayed, new: str = "") -> Problem:
    """Why nothing came of one's own password; ``new``: the one that was to follow."""
    match refusal:
        case Delayed(seconds):
            return TOO_MANY_GUESSES.problem(retry_after_seconds=math.ceil(seconds))
        case PasswordRefusal.WRONG:
            # Not 401: the access token is fine.
            return WRONG_PASSWORD.problem()
        case PasswordRefusal.INVALID_PASSWORD:
            return INVALID_PASSWORD.problem(problem(new) or OWN_ADDRESS)
        case PasswordRefusal.OVERTAKEN:
            return unauthenticated()
        case PasswordRefusal.BUSY:
            return busy()
        case _:
            assert_never(refusal)


def busy() -> Problem:
    """The queue for the password threads is full."""
    return UNAVAILABLE.problem(
        "Too many sign-ins at once. Try again shortly.", retry_after_seconds=_BUSY_SECONDS
    )
