"""POST /auth/*: making an account, signing in, staying signed in, signing out."""

from typing import Any, Final, assert_never

from quart import Blueprint

from relayd import logs
from relayd.accounts.outcomes import (
    LoginRefusal,
    RefreshRefusal,
    RegisterRefusal,
    SignedIn,
)
from relayd.accounts.passwords import problem
from relayd.routes.bodies import read_bytes, read_object, text_field
from relayd.routes.problems import Problem
from relayd.routes.protection import bearer_token, rate_limited, unauthenticated
from relayd.routes.wiring import requester_address, wiring

__all__ = ["blueprint"]

log = logs.get(__name__)

blueprint = Blueprint("accounts", __name__, url_prefix="/auth")

# About as long as a full queue for the password threads takes.
_BUSY_SECONDS: Final = 5


@blueprint.post("/register")
@rate_limited
async def register() -> tuple[dict[str, Any], int]:
    """Make an account and sign it in."""
    body = await read_object()
    email, password = text_field(body, "email"), text_field(body, "password")
    outcome = await wiring().services.accounts.register(email, password)
    if isinstance(outcome, RegisterRefusal):
        raise _register_problem(outcome, password)
    log.info("account registered", user=outcome.user.id, address=requester_address())
    return _pair(outcome), 201


@blueprint.post("/login")
@rate_limited
async def login() -> dict[str, Any]:
    """Sign in. A wrong password and an unknown address get the same answer."""
    body = await read_object()
    email, password = text_field(body, "email"), text_field(body, "password")
    outcome = await wiring().services.accounts.login(email, password)
    if isinstance(outcome, LoginRefusal):
        log.info("login refused", reason=outcome.name.lower(), address=requester_address())
        raise _login_problem(outcome)
    return _pair(outcome)


@blueprint.post("/refresh")
@rate_limited
async def refresh() -> dict[str, Any]:
    """Exchange a refresh token for a new pair."""
    presented = text_field(await read_object(), "refresh_token")
    outcome = await wiring().services.accounts.refresh(presented)
    if isinstance(outcome, RefreshRefusal):
        log.info("refresh refused", reason=outcome.name.lower(), address=requester_address())
        raise Problem(
            401, "invalid_refresh_token", "This sign-in has ended or expired. Sign in again."
        )
    return _pair(outcome)


@blueprint.post("/logout")
@rate_limited
async def logout() -> dict[str, Any]:
    """End a sign-in, named by its refresh token or else by the access token.

    Both may be past their time or ended already: who wants to be signed out, is. Only an
    access token that can't be read names nothing to end.
    """
    accounts = wiring().services.accounts
    if await read_bytes():
        body = await read_object()
        if "refresh_token" in body:
            await accounts.logout_by_token(text_field(body, "refresh_token"))
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
        "user": {
            "id": str(signed_in.user.id),
            "email": signed_in.user.email,
            "created_at": signed_in.user.created_at.isoformat(),
        },
    }


def _register_problem(refusal: RegisterRefusal, password: str) -> Problem:
    match refusal:
        case RegisterRefusal.INVALID_EMAIL:
            return Problem(422, "invalid_email", "The field email must be an email address.")
        case RegisterRefusal.INVALID_PASSWORD:
            return Problem(422, "invalid_password", problem(password) or "")
        case RegisterRefusal.EMAIL_TAKEN:
            return Problem(409, "email_taken", "There is an account with this address. Sign in.")
        case RegisterRefusal.BUSY:
            return _busy()
        case _:
            assert_never(refusal)


def _login_problem(refusal: LoginRefusal) -> Problem:
    match refusal:
        case LoginRefusal.WRONG:
            return Problem(401, "invalid_credentials", "The address or the password is wrong.")
        case LoginRefusal.DISABLED:
            return Problem(403, "account_disabled", "This account is disabled.")
        case LoginRefusal.BUSY:
            return _busy()
        case _:
            assert_never(refusal)


def _busy() -> Problem:
    return Problem(
        503,
        "service_unavailable",
        "Too many sign-ins at once. Try again shortly.",
        retry_after_seconds=_BUSY_SECONDS,
    )
