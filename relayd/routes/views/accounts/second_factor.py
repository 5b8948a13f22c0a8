"""/account/second-factor: codes of an authenticator app beside the password."""

from typing import Annotated, Final, assert_never

from msgspec import Meta
from quart import Blueprint

from relayd import logs
from relayd.accounts.outcomes import Delayed, FactorRefusal, PasswordRefusal
from relayd.routes.toolkit.bodies import read_form
from relayd.routes.toolkit.description import Answer, Body, Topic, described
from relayd.routes.toolkit.forms import STORABLE, Form, told
from relayd.routes.toolkit.problems import UNAVAILABLE, Problem, Refusal
from relayd.routes.toolkit.protection import AUTH_FAILED, principal_of_request, rate_limited
from relayd.routes.toolkit.wiring import requester_address, wiring
from relayd.routes.views.accounts.auth import password_problem, visitor
from relayd.routes.views.accounts.signing_in import (
    TOO_MANY_GUESSES,
    WRONG_PASSWORD,
    PresentPassword,
)

__all__ = ["blueprint"]

log = logs.get(__name__)

FACTOR_UNCHANGED: Final = Refusal(
    409, "second_factor_unchanged", "The second factor is that way already, or wasn't begun."
)
FACTOR_REQUIRED: Final = Refusal(
    403, "second_factor_required", "Whoever runs this server wants this account to have one."
)
# Not 401: the access token is fine.
REFUSED_CODE: Final = Refusal(
    403, "code_refused", "The code is wrong, too old, or was used before. Try the next one."
)

Code = Annotated[str, told("Of the authenticator app.", "123456", pattern=STORABLE)]


class FactorBeginning(Form):
    """That it is the owner who sets it up."""

    password: PresentPassword


class FactorSecret(Form):
    """What an authenticator app is told, in three ways."""

    secret: Annotated[str, told("To be typed, in base32.", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")]
    uri: Annotated[
        str,
        told(
            "To be opened with the app.",
            "otpauth://totp/Example:ada%40example.com?secret=JBSWY3DPEHPK3PXP&issuer=Example",
        ),
    ]
    qr: Annotated[str, told("The same as a picture to be scanned, in SVG.", "<svg/>")]


class FirstCode(Form):
    """That the app has the secret."""

    code: Code


class RecoveryCodes(Form):
    """Codes for whoever lost the app; each works once, and they are shown once."""

    recovery_codes: Annotated[
        list[Annotated[str, told("One.", "k3m9x-2vqa7")]],
        Meta(description="Keep them where the app is not.", examples=[["k3m9x-2vqa7"]]),
    ]


class FactorEnd(Form):
    """That the owner means it."""

    password: PresentPassword
    code: Annotated[
        str, told("Of the authenticator app, or a recovery code.", "123456", pattern=STORABLE)
    ]


class FactorEnded(Form):
    """Signing in takes the password alone."""

    ended: Annotated[bool, told("Always true.", sample=True, const=True)]


blueprint = Blueprint("second_factor", __name__, url_prefix="/account/second-factor")


@blueprint.post("")
@rate_limited
@described(
    Topic.ACCOUNT,
    takes=Body(FactorBeginning),
    gives={200: Answer("The secret; signing in takes no code yet.", FactorSecret)},
    refuses=(AUTH_FAILED, WRONG_PASSWORD, TOO_MANY_GUESSES, FACTOR_UNCHANGED, UNAVAILABLE),
    schemes=("bearer",),
    more="Codes are those of RFC 6238: six digits, SHA-1, 30 seconds.",
)
async def begin() -> FactorSecret:
    """Begin to set up a second factor: a secret for an authenticator app."""
    principal = await principal_of_request()
    asked = await read_form(FactorBeginning)
    services = wiring().services
    issuer = services.seller.name or "relayd"
    outcome = await services.accounts.second_factor.enrol(
        principal, asked.password, issuer, visitor()
    )
    if isinstance(outcome, FactorRefusal | PasswordRefusal | Delayed):
        raise _problem(outcome)
    return FactorSecret(secret=outcome.secret, uri=outcome.uri, qr=outcome.qr)


@blueprint.post("/confirm")
@rate_limited
@described(
    Topic.ACCOUNT,
    takes=Body(FirstCode),
    gives={200: Answer("On; from now on signing in takes a code.", RecoveryCodes)},
    refuses=(AUTH_FAILED, REFUSED_CODE, FACTOR_UNCHANGED, UNAVAILABLE),
    schemes=("bearer",),
    more="Present sign-ins stay.",
)
async def confirm() -> RecoveryCodes:
    """Switch the second factor on, with a first code of the app."""
    principal = await principal_of_request()
    asked = await read_form(FirstCode)
    outcome = await wiring().services.accounts.second_factor.confirm(principal, asked.code)
    if isinstance(outcome, FactorRefusal):
        raise _problem(outcome)
    log.info("second factor on", user=principal.user_id, address=requester_address())
    return RecoveryCodes(recovery_codes=list(outcome))


@blueprint.delete("")
@rate_limited
@described(
    Topic.ACCOUNT,
    takes=Body(FactorEnd),
    gives={200: Answer("Off; recovery codes are good for nothing any more.", FactorEnded)},
    refuses=(
        AUTH_FAILED,
        WRONG_PASSWORD,
        REFUSED_CODE,
        FACTOR_REQUIRED,
        TOO_MANY_GUESSES,
        FACTOR_UNCHANGED,
        UNAVAILABLE,
    ),
    schemes=("bearer",),
)
async def end() -> FactorEnded:
    """Switch the second factor off, with the password and a code."""
    principal = await principal_of_request()
    asked = await read_form(FactorEnd)
    outcome = await wiring().services.accounts.second_factor.end(
        principal, asked.password, asked.code, visitor()
    )
    if outcome is not None:
        raise _problem(outcome)
    log.info("second factor off", user=principal.user_id, address=requester_address())
    return FactorEnded(ended=True)


def _problem(refusal: FactorRefusal | PasswordRefusal | Delayed) -> Problem:
    match refusal:
        case FactorRefusal.UNCHANGED:
            return FACTOR_UNCHANGED.problem()
        case FactorRefusal.WRONG_CODE:
            return REFUSED_CODE.problem()
        case FactorRefusal.REQUIRED:
            return FACTOR_REQUIRED.problem()
        case PasswordRefusal() | Delayed():
            return password_problem(refusal)
        case _:
            assert_never(refusal)
