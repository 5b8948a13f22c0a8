"""/api/v1/auth/*: accounts under the addresses of this interface, the same as elsewhere."""

from quart import Blueprint

from relayd.identity import Principal, Scope
from relayd.routes.toolkit.description import Answer, Body, Topic, described
from relayd.routes.toolkit.problems import UNAVAILABLE
from relayd.routes.toolkit.protection import authorised, rate_limited
from relayd.routes.views.accounts.account import OwnAccount, own_account
from relayd.routes.views.accounts.auth import (
    AFTERWARDS,
    LOGIN_REFUSALS,
    take_login,
    take_registration,
)
from relayd.routes.views.accounts.signing_in import (
    EMAIL_TAKEN,
    INVALID_EMAIL,
    INVALID_PASSWORD,
    LoginCredentials,
    Registration,
    TokenPair,
)

__all__ = ["blueprint"]

blueprint = Blueprint("v1_accounts", __name__, url_prefix="/api/v1/auth")


@blueprint.post("/signup")
@rate_limited
@described(
    Topic.RECORDINGS,
    takes=Body(Registration),
    gives={201: Answer("The account is made and signed in.", TokenPair, links=AFTERWARDS)},
    refuses=(EMAIL_TAKEN, INVALID_EMAIL, INVALID_PASSWORD, UNAVAILABLE),
    more="The same as `POST /auth/register`.",
)
async def signup() -> TokenPair:
    """Make an account and sign it in."""
    return TokenPair.of(await take_registration())


@blueprint.post("/login")
@rate_limited
@described(
    Topic.RECORDINGS,
    takes=Body(LoginCredentials),
    gives={200: Answer("Signed in.", TokenPair, links=AFTERWARDS)},
    refuses=LOGIN_REFUSALS,
    more="The same as `POST /auth/login`.",
)
async def login() -> TokenPair:
    """Sign in, for an access token."""
    return TokenPair.of(await take_login())


@blueprint.get("/me")
@authorised(Scope.READ)
@described(
    Topic.RECORDINGS,
    gives={200: Answer("The account.", OwnAccount)},
    more="The same as `GET /account/me`.",
)
async def me(principal: Principal) -> OwnAccount:
    """The account and its credit."""
    return await own_account(principal)
