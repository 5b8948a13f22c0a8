"""POST /api/v1/admin/users/…: what an operator's programs do by hand, each in the trail.

It is what `relayd credit adjust` and `relayd user disable` do, in the same transactions. The key's
account must be an operator's when it happens, and shows a code of its second factor where that is
wanted (`auth.operator_second_factor`).
"""

import math
from typing import Annotated, Final, assert_never

from msgspec import UNSET, UnsetType
from quart import Blueprint

from relayd.accounts.operators import DISABLE, ENABLE, Deed, Hand, OperatorRefusal
from relayd.accounts.outcomes import ChangeRefusal, Delayed
from relayd.durations import seconds
from relayd.identity import Principal, Scope
from relayd.ledger.balances import Entry
from relayd.ledger.outcomes import Booked, BookingRefusal
from relayd.routes.toolkit.bodies import INVALID_FIELD, read_form
from relayd.routes.toolkit.description import Answer, Body, Topic, described
from relayd.routes.toolkit.forms import STORABLE, Form, told
from relayd.routes.toolkit.problems import Problem, Refusal
from relayd.routes.toolkit.protection import authorised
from relayd.routes.toolkit.wiring import ByHand, wiring
from relayd.routes.views.accounts.auth import visitor
from relayd.routes.views.accounts.second_factor import REFUSED_CODE
from relayd.routes.views.accounts.signing_in import TOO_MANY_GUESSES
from relayd.routes.views.operator import NO_OPERATOR
from relayd.routes.views.v1.admin import (
    REASON_MAX,
    UNKNOWN_USER,
    AccountCredit,
    AccountDetail,
    UserId,
    checked_reason,
)
from relayd.routes.views.v1.recordings.asking import INVALID_KEY, IdempotencyKey, idempotency_key
from relayd.routes.views.v1.recordings.recordings import KEY_TAKEN, identity

__all__ = ["blueprint"]

blueprint = Blueprint("v1_by_hand", __name__, url_prefix="/api/v1/admin/users")

OPERATOR_CODE_NEEDED: Final = Refusal(
    403,
    "operator_code_needed",
    "What is done by hand takes a code of the operator's second factor here: send it in the field "
    "code. An account without one sets it up on its account page.",
)
_HAND: Final = (
    UNKNOWN_USER,
    NO_OPERATOR,
    OPERATOR_CODE_NEEDED,
    REFUSED_CODE,
    TOO_MANY_GUESSES,
)
# Ten years of audio: more is a slip of the finger, in milliseconds most likely.
_SECONDS_MAX: Final = 10 * 365 * 86_400

_Path = {"user_id": UserId}
Reason = Annotated[
    str, told("Why, for the trail and the ledger.", "ticket 117", minLength=1, maxLength=REASON_MAX)
]
Code = Annotated[
    str,
    told(
        "Of the operator's authenticator app, where the server wants one.",
        "123456",
        pattern=STORABLE,
    ),
]


class Adjustment(Form):
    """A correction of what an account has."""

    seconds: Annotated[
        float, told("What is added, to the millisecond; below 0, what is taken.", -120.5)
    ]
    reason: Reason
    code: Code | UnsetType = UNSET


class Adjusted(Form):
    """What the correction came to."""

    seconds_booked: Annotated[float, told("By this request; 0 where it was booked before.", -120.5)]
    repeated: Annotated[bool, told("Whether it was booked before.", sample=False)]
    credit: AccountCredit


class Judgement(Form):
    """Why an account is kept out, or let in again."""

    reason: Reason
    code: Code | UnsetType = UNSET


@blueprint.post("/<user_id>/adjust")
@authorised(Scope.ADMIN)
@described(
    Topic.OPERATING,
    path=_Path,
    headers={"Idempotency-Key": IdempotencyKey},
    takes=Body(Adjustment),
    gives={200: Answer("It is booked, this once.", Adjusted)},
    refuses=(*_HAND, INVALID_KEY, KEY_TAKEN),
    more="For a key of an operator's. What is held can't be taken: a shortfall stands as debt, "
    "which the next credit pays first. The same request with the same Idempotency-Key is booked "
    "once.",
)
async def adjust(principal: Principal, user_id: str) -> Adjusted:
    """Correct an account's credit, up or down."""
    asked = await read_form(Adjustment)
    whose, hand = identity(user_id, UNKNOWN_USER), _hand(principal, asked.code)
    reason = checked_reason(asked.reason)
    amount_ms = _milliseconds(asked.seconds)
    name = idempotency_key()
    if name is None:
        raise INVALID_KEY.problem(
            "An Idempotency-Key is needed here, of your own making: so a repeated request books "
            "once."
        )
    entry = Entry(whose, "adjustment", f"{_by(principal)} {name}", amount_ms, reason)
    match await _operators().book(hand, entry):
        case Booked(balance, repeated):
            return Adjusted(
                seconds_booked=0 if repeated else seconds(amount_ms),
                repeated=repeated,
                credit=AccountCredit.of(balance),
            )
        case BookingRefusal.UNKNOWN_USER:
            raise UNKNOWN_USER.problem()
        case BookingRefusal.KEY_TAKEN:
            raise KEY_TAKEN.problem()
        case OperatorRefusal() | Delayed() as refused:
            raise _problem(refused)
        case never:
            assert_never(never)


@blueprint.post("/<user_id>/disable")
@authorised(Scope.ADMIN)
@described(
    Topic.OPERATING,
    path=_Path,
    takes=Body(Judgement),
    gives={200: Answer("It is kept out.", AccountDetail)},
    refuses=_HAND,
    more="For a key of an operator's. Every sign-in ends and its keys are refused, both at once; "
    "live streams end within seconds. Credit stays. Twice is as once.",
)
async def disable(principal: Principal, user_id: str) -> AccountDetail:
    """Keep an account out."""
    return await _judge(principal, user_id, disabled=True)


@blueprint.post("/<user_id>/enable")
@authorised(Scope.ADMIN)
@described(
    Topic.OPERATING,
    path=_Path,
    takes=Body(Judgement),
    gives={200: Answer("It may sign in.", AccountDetail)},
    refuses=_HAND,
    more="For a key of an operator's. The account's keys are good again, its sign-ins stay ended. "
    "Twice is as once.",
)
async def enable(principal: Principal, user_id: str) -> AccountDetail:
    """Let an account in again."""
    return await _judge(principal, user_id, disabled=False)


async def _judge(principal: Principal, user_id: str, *, disabled: bool) -> AccountDetail:
    asked = await read_form(Judgement)
    whose, hand = identity(user_id, UNKNOWN_USER), _hand(principal, asked.code)
    deed = Deed(
        DISABLE if disabled else ENABLE,
        whose,
        checked_reason(asked.reason),
        reference=_by(principal),
    )
    outcome = await _operators().set_disabled(hand, deed, disabled=disabled)
    if isinstance(outcome, OperatorRefusal | Delayed):
        raise _problem(outcome)
    found = await wiring().services.accounts.me(Principal(whose))
    if isinstance(outcome, ChangeRefusal) or found is None:
        raise UNKNOWN_USER.problem()
    return AccountDetail.of(found)


def _operators() -> ByHand:
    found = wiring().services.by_hand
    assert found is not None, "an app that is served has operators"
    return found


def _hand(principal: Principal, code: str | UnsetType) -> Hand:
    return Hand(principal.user_id, "" if code is UNSET else code, visitor=visitor())


def _by(principal: Principal) -> str:
    """How the trail names the program."""
    return f"key {principal.key_id}"


def _milliseconds(amount_seconds: float) -> int:
    """Of seconds as they came, exactly."""
    if 0 < abs(amount_seconds) <= _SECONDS_MAX:
        milliseconds = round(amount_seconds * 1000)
        # Most decimals are no binary fractions: the float next to so many milliseconds means them.
        if milliseconds / 1000 == amount_seconds:
            return milliseconds
    raise INVALID_FIELD.problem(
        "The field seconds must be a number other than 0, with three decimals at most, and no "
        f"further from it than {_SECONDS_MAX:,}."
    )


def _problem(refused: OperatorRefusal | Delayed) -> Problem:
    match refused:
        case OperatorRefusal.NO_OPERATOR | OperatorRefusal.UNNAMED:
            return NO_OPERATOR.problem(
                "The account of this key is no operator's. `relayd user operator` makes it one."
            )
        case OperatorRefusal.CODE_NEEDED | OperatorRefusal.NO_SECOND_FACTOR:
            return OPERATOR_CODE_NEEDED.problem()
        case OperatorRefusal.WRONG_CODE:
            return REFUSED_CODE.problem()
        case Delayed(wait):
            return TOO_MANY_GUESSES.problem(retry_after_seconds=math.ceil(wait))
        case _:
            assert_never(refused)
