"""POST /session/*: sign-ins of browsers, whose refresh token no script ever sees.

The same as /auth/*, but the refresh token travels in a cookie that the browser keeps from scripts
and from other sites, and what a page gets is a short-lived access token for its memory. Requests
that another site caused are refused before anything else.
"""

from typing import Annotated, Final, Literal

from quart import Blueprint, Response, request

from relayd import logs
from relayd.accounts.outcomes import (
    RefreshRefusal,
    SignedIn,
)
from relayd.accounts.sign_ins.lifetimes import Keeper
from relayd.routes.toolkit.bodies import read_form
from relayd.routes.toolkit.description import Answer, Body, Topic, answered, described
from relayd.routes.toolkit.forms import Form, told
from relayd.routes.toolkit.problems import UNAVAILABLE, Refusal, answer
from relayd.routes.toolkit.protection import (
    AUTH_FAILED,
    principal_of_request,
    rate_limited,
    rate_limited_by,
)
from relayd.routes.toolkit.wiring import requester_address, wiring
from relayd.routes.views.accounts.auth import (
    LOGIN_REFUSALS,
    password_problem,
    take_login,
    take_registration,
    visitor,
)
from relayd.routes.views.accounts.signing_in import (
    EMAIL_TAKEN,
    INVALID_EMAIL,
    INVALID_PASSWORD,
    INVALID_REFRESH_TOKEN,
    TOO_MANY_GUESSES,
    WRONG_PASSWORD,
    AccessToken,
    ExpiresIn,
    LoginCredentials,
    NewPassword,
    Owner,
    PresentPassword,
    Registration,
    SignedOut,
    staying_per_minute,
)

__all__ = ["COOKIE", "DEVICE", "HINT", "blueprint"]

log = logs.get(__name__)

blueprint = Blueprint("browser_sessions", __name__, url_prefix="/session")

# The prefix makes browsers refuse it without Secure, with another path or for a whole domain
# (RFC 6265bis, section 4.1.3.2), so that no neighbouring host can plant one.
COOKIE: Final = "__Host-relayd"
# Says only that there is the other one: pages read it and don't ask for what can't be there.
HINT: Final = "__Host-relayd-hint"
# Stays after signing out: it shows that this browser is no stranger to an account; it opens
# nothing.
DEVICE: Final = "__Secure-relayd-device"
_DEVICE_PATH: Final = "/session"
# As long as browsers keep a cookie (RFC 6265bis, section 5.5).
_DEVICE_SECONDS: Final = 400 * 86_400

CROSS_SITE: Final = Refusal(
    403, "cross_site", "This is for the pages of this server alone. Apps use /auth/*."
)


class PageToken(Form):
    """An access token, and whose it is."""

    token: AccessToken
    expires_in: ExpiresIn
    user: Owner


class PasswordChange(Form):
    """The present password and the next one."""

    password: PresentPassword
    new_password: NewPassword


# A browser sets it by itself, and no page can.
_SITE: Final = {
    "Sec-Fetch-Site": Annotated[
        Literal["same-origin"], told("A browser says it itself.", "same-origin")
    ]
}


@blueprint.before_request
async def refuse_other_sites() -> None:
    """Let in what our own pages send (Fetch Metadata; for older browsers RFC 6454's Origin)."""
    sites = request.headers.getlist("Sec-Fetch-Site")
    if sites:
        ours = sites == ["same-origin"]
    else:
        origins = request.headers.getlist("Origin")
        ours = len(origins) == 1 and origins[0] in wiring().services.own_origins
    if not ours:
        raise CROSS_SITE.problem()


@blueprint.post("/register")
@rate_limited
@described(
    Topic.BROWSER,
    takes=Body(Registration),
    gives={201: Answer("The account is made and signed in.", PageToken)},
    refuses=(CROSS_SITE, EMAIL_TAKEN, INVALID_EMAIL, INVALID_PASSWORD, UNAVAILABLE),
    headers=_SITE,
)
async def register() -> Response:
    """Make an account and sign this browser in."""
    return _signed_in(await take_registration(Keeper.BROWSER), 201)


@blueprint.post("/login")
@rate_limited
@described(
    Topic.BROWSER,
    takes=Body(LoginCredentials),
    gives={200: Answer("Signed in.", PageToken)},
    refuses=(CROSS_SITE, *LOGIN_REFUSALS),
    headers=_SITE,
)
async def login() -> Response:
    """Sign this browser in. A sign-in that it had before is ended."""
    signed_in = await take_login(Keeper.BROWSER, request.cookies.get(DEVICE, ""))
    # Its cookie is about to be replaced: nobody could end it any more.
    await wiring().services.accounts.logout_by_token(_presented())
    return _signed_in(signed_in)


@blueprint.post("/refresh")
@rate_limited_by("refresh", staying_per_minute)
@described(
    Topic.BROWSER,
    gives={200: Answer("Still signed in.", PageToken)},
    refuses=(CROSS_SITE, INVALID_REFRESH_TOKEN, UNAVAILABLE),
    headers=_SITE,
    schemes=("browser",),
)
async def refresh() -> Response:
    """A new access token for a browser that is signed in; the cookie's token is replaced too."""
    outcome = await wiring().services.accounts.refresh(_presented(), Keeper.BROWSER)
    if isinstance(outcome, RefreshRefusal):
        log.info("refresh refused", reason=outcome.name.lower(), address=requester_address())
        return _forgotten(answer(INVALID_REFRESH_TOKEN.problem()))
    return _signed_in(outcome)


@blueprint.post("/logout")
@rate_limited_by("logout", staying_per_minute)
@described(
    Topic.BROWSER,
    gives={200: Answer("Signed out, now or before.", SignedOut)},
    refuses=(CROSS_SITE, UNAVAILABLE),
    headers=_SITE,
    schemes=("browser", ""),
)
async def logout() -> Response:
    """End this browser's sign-in; also a second time, and without one."""
    await wiring().services.accounts.logout_by_token(_presented())
    return _forgotten(answered(SignedOut(signed_out=True)))


@blueprint.post("/logout-everywhere")
@rate_limited
@described(
    Topic.BROWSER,
    gives={200: Answer("Signed out on every device.", SignedOut)},
    refuses=(CROSS_SITE, AUTH_FAILED, UNAVAILABLE),
    headers=_SITE,
    schemes=("bearer",),
    more="Live sessions end when they next renew their hold on credit.",
)
async def logout_everywhere() -> Response:
    """End every sign-in of the user, apps and live sessions too."""
    principal = await principal_of_request()
    await wiring().services.accounts.logout_everywhere(principal)
    log.info("signed out everywhere", user=principal.user_id, address=requester_address())
    return _forgotten(answered(SignedOut(signed_out=True)))


@blueprint.post("/password")
@rate_limited
@described(
    Topic.BROWSER,
    takes=Body(PasswordChange),
    gives={200: Answer("Changed; this browser is signed in anew.", PageToken)},
    refuses=(
        CROSS_SITE,
        AUTH_FAILED,
        WRONG_PASSWORD,
        TOO_MANY_GUESSES,
        INVALID_PASSWORD,
        UNAVAILABLE,
    ),
    headers=_SITE,
    schemes=("bearer",),
)
async def password() -> Response:
    """Change the password. Every sign-in ends, this browser gets a new one."""
    principal = await principal_of_request()
    change = await read_form(PasswordChange)
    outcome = await wiring().services.accounts.change_password(
        principal, change.password, change.new_password, Keeper.BROWSER, visitor()
    )
    if not isinstance(outcome, SignedIn):
        raise password_problem(outcome, change.new_password)
    log.info("password changed", user=principal.user_id, address=requester_address())
    return _signed_in(outcome)


def _presented() -> str:
    return request.cookies.get(COOKIE, "")


def _signed_in(signed_in: SignedIn, status: int = 200) -> Response:
    page = PageToken(
        token=signed_in.token,
        expires_in=signed_in.expires_seconds,
        user=Owner.of(signed_in.user),
    )
    response = answered(page, status)
    seconds = signed_in.refresh_expires_seconds
    _set(response, COOKIE, signed_in.refresh_token, seconds, hidden=True)
    _set(response, HINT, "1", seconds, hidden=False)
    _set(response, DEVICE, signed_in.device_token, _DEVICE_SECONDS, hidden=True, path=_DEVICE_PATH)
    return response


def _forgotten(response: Response) -> Response:
    for name in (COOKIE, HINT):
        response.delete_cookie(
            name, path="/", secure=True, httponly=name == COOKIE, samesite="Strict"
        )
    return response


def _set(
    response: Response, name: str, value: str, seconds: int, *, hidden: bool, path: str = "/"
) -> None:
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path=path,
        secure=True,
        httponly=hidden,
        samesite="Strict",
    )
