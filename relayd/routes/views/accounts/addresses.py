"""Addresses of accounts: proving one, changing it, and a new password for who reads its mail."""

import math
from typing import Annotated, Final, NoReturn, assert_never

from quart import Blueprint

from relayd.accounts.addresses import Addresses
from relayd.accounts.outcomes import Delayed, LinkRefusal, PasswordRefusal, ProofRefusal
from relayd.accounts.proving.passwords import OWN_ADDRESS, problem
from relayd.routes.toolkit.bodies import read_form
from relayd.routes.toolkit.description import Answer, Body, Topic, described
from relayd.routes.toolkit.forms import STORABLE, Form, told
from relayd.routes.toolkit.problems import UNAVAILABLE, Refusal
from relayd.routes.toolkit.protection import (
    AUTH_FAILED,
    RATE_LIMITED,
    principal_of_request,
    rate_limited,
)
from relayd.routes.toolkit.wiring import wiring
from relayd.routes.views.accounts.auth import busy, password_problem, refuse_domain, visitor
from relayd.routes.views.accounts.signing_in import (
    EMAIL_TAKEN,
    INVALID_EMAIL,
    INVALID_PASSWORD,
    TOO_MANY_GUESSES,
    WRONG_PASSWORD,
    NewPassword,
    PresentPassword,
)

__all__ = ["blueprint"]

MAIL_OFF: Final = Refusal(
    409,
    "mail_off",
    "This server sends no mail. Ask whoever runs it about your address or password.",
)
ADDRESS_PROVEN: Final = Refusal(409, "address_proven", "This address is proven already.")
STALE_LINK: Final = Refusal(
    410, "stale_link", "This link was used before, or is too old. Ask for another one."
)
_TOO_SOON: Final = "Several mails are on their way already. Look for them, or try again later."
_SAMPLE: Final = "2Xb0a6mQm4s9dJqEaUgKiOoNMsVf3k0X7b1nT9sR4w8"

LinkToken = Annotated[
    str, told("What stands behind the # of the link in the mail.", _SAMPLE, pattern=STORABLE)
]


class ForgottenPassword(Form):
    """Whose password is forgotten."""

    email: Annotated[str, told("The account's address.", "ada@example.com", pattern=STORABLE)]


class NewAddress(Form):
    """Which address the account is to have."""

    email: Annotated[str, told("Where one can be reached.", "ada@example.org", format="email")]
    password: PresentPassword


class LinkUse(Form):
    """A link that was followed."""

    token: LinkToken


class PasswordByLink(Form):
    """A link that was followed, and the password that is to be."""

    token: LinkToken
    new_password: NewPassword


class LetterOnItsWay(Form):
    """A mail will come, where there is somebody to get it."""

    sent: Annotated[bool, told("Always true.", sample=True, const=True)]


class ProvenAddress(Form):
    """An address that mail reaches."""

    email: Annotated[str, told("The account's address.", "ada@example.com")]


class PasswordChanged(Form):
    """The password is another one."""

    changed: Annotated[bool, told("Always true.", sample=True, const=True)]


blueprint = Blueprint("addresses", __name__)


@blueprint.post("/auth/password/forgotten")
@rate_limited
@described(
    Topic.ACCOUNTS,
    takes=Body(ForgottenPassword),
    gives={200: Answer("A link is on its way, if there is such an account.", LetterOnItsWay)},
    refuses=(MAIL_OFF, UNAVAILABLE),
    more="An address without an account gets the same answer, in the same time. The link leads to "
    "a page of this server, works once, and for 30 minutes. Three mails an hour go to an address.",
)
async def forgotten() -> LetterOnItsWay:
    """Have a link to a new password sent to the account's address."""
    asked = await read_form(ForgottenPassword)
    _refuse_early(await _addresses().ask_for_reset(asked.email))
    return LetterOnItsWay(sent=True)


@blueprint.post("/auth/password/reset")
@rate_limited
@described(
    Topic.ACCOUNTS,
    takes=Body(PasswordByLink),
    gives={200: Answer("Changed; every sign-in has ended.", PasswordChanged)},
    refuses=(MAIL_OFF, STALE_LINK, INVALID_PASSWORD, UNAVAILABLE),
    more="Nobody is signed in by it: sign in with the new password afterwards.",
)
async def reset() -> PasswordChanged:
    """Choose a new password by the link of a mail."""
    asked = await read_form(PasswordByLink)
    outcome = await _addresses().reset_password(asked.token, asked.new_password)
    if isinstance(outcome, LinkRefusal):
        _refuse_link(outcome, asked.new_password)
    return PasswordChanged(changed=True)


@blueprint.post("/auth/address/prove")
@rate_limited
@described(
    Topic.ACCOUNTS,
    takes=Body(LinkUse),
    gives={200: Answer("The address is proven, and the account's.", ProvenAddress)},
    refuses=(MAIL_OFF, STALE_LINK, EMAIL_TAKEN, UNAVAILABLE),
    more="Links work once, for three days.",
)
async def prove() -> ProvenAddress:
    """Prove an address by the link that was sent there."""
    asked = await read_form(LinkUse)
    outcome = await _addresses().prove(asked.token)
    if isinstance(outcome, LinkRefusal):
        _refuse_link(outcome)
    return ProvenAddress(email=outcome.email)


@blueprint.post("/account/address/proof")
@rate_limited
@described(
    Topic.ACCOUNT,
    gives={200: Answer("A link is on its way.", LetterOnItsWay)},
    refuses=(AUTH_FAILED, MAIL_OFF, ADDRESS_PROVEN, UNAVAILABLE),
    schemes=("bearer",),
)
async def ask_for_proof() -> LetterOnItsWay:
    """Have the link that proves the account's address sent again."""
    principal = await principal_of_request()
    outcome = await _addresses().ask_for_proof(principal)
    if isinstance(outcome, ProofRefusal):
        raise ADDRESS_PROVEN.problem()
    _refuse_early(outcome if isinstance(outcome, float) else 0.0)
    return LetterOnItsWay(sent=True)


@blueprint.post("/account/address")
@rate_limited
@described(
    Topic.ACCOUNT,
    takes=Body(NewAddress),
    gives={200: Answer("A link is on its way to the new address.", LetterOnItsWay)},
    refuses=(
        AUTH_FAILED,
        WRONG_PASSWORD,
        TOO_MANY_GUESSES,
        MAIL_OFF,
        ADDRESS_PROVEN,
        EMAIL_TAKEN,
        INVALID_EMAIL,
        UNAVAILABLE,
    ),
    schemes=("bearer",),
    more="The account keeps its address until the link is followed. Then the old one is told.",
)
async def change() -> LetterOnItsWay:
    """Give the account another address, once that is proven."""
    principal = await principal_of_request()
    asked = await read_form(NewAddress)
    refuse_domain(asked.email)
    outcome = await _addresses().ask_for_change(principal, asked.email, asked.password, visitor())
    match outcome:
        case ProofRefusal.INVALID_EMAIL:
            raise INVALID_EMAIL.problem()
        case ProofRefusal.EMAIL_TAKEN:
            raise EMAIL_TAKEN.problem("Another account has this address.")
        case ProofRefusal.PROVEN:
            raise ADDRESS_PROVEN.problem()
        case PasswordRefusal() | Delayed():
            raise password_problem(outcome)
        case float():
            _refuse_early(outcome)
    return LetterOnItsWay(sent=True)


def _addresses() -> Addresses:
    """Those of this server, where it sends mail."""
    found = wiring().services.accounts.addresses
    if found is None:
        raise MAIL_OFF.problem()
    return found


def _refuse_early(wait: float) -> None:
    if wait > 0:
        raise RATE_LIMITED.problem(_TOO_SOON, retry_after_seconds=math.ceil(wait))


def _refuse_link(refusal: LinkRefusal, password: str = "") -> NoReturn:
    match refusal:
        case LinkRefusal.STALE:
            raise STALE_LINK.problem()
        case LinkRefusal.EMAIL_TAKEN:
            raise EMAIL_TAKEN.problem("Another account has this address now.")
        case LinkRefusal.INVALID_PASSWORD:
            raise INVALID_PASSWORD.problem(problem(password) or OWN_ADDRESS)
        case LinkRefusal.BUSY:
            raise busy()
        case _:
            assert_never(refusal)
