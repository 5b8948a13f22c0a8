"""/account/*: who one is, what one has used, and an end to it."""

import datetime as dt
from typing import Annotated, Final, Self
from uuid import UUID

from msgspec import Meta
from quart import Blueprint

from relayd import logs
from relayd.accounts.outcomes import User
from relayd.durations import seconds
from relayd.identity import Principal
from relayd.ledger.outcomes import DayUsage, SessionRecord
from relayd.routes.toolkit.bodies import read_form
from relayd.routes.toolkit.description import Answer, Body, Topic, described
from relayd.routes.toolkit.forms import Form, Seconds, Time, told
from relayd.routes.toolkit.problems import UNAVAILABLE
from relayd.routes.toolkit.protection import (
    AUTH_FAILED,
    authenticated,
    principal_of_request,
    rate_limited,
    unauthenticated,
)
from relayd.routes.toolkit.wiring import requester_address, wiring
from relayd.routes.views.accounts.auth import password_problem, visitor
from relayd.routes.views.accounts.signing_in import (
    TOO_MANY_GUESSES,
    WRONG_PASSWORD,
    PresentPassword,
)
from relayd.routes.views.billing.credits import CreditLeft

__all__ = ["OwnAccount", "blueprint", "own_account"]

log = logs.get(__name__)

_USAGE_DAYS: Final = 30
_USAGE_SESSIONS: Final = 10


class OwnAccount(Form):
    """Who one is."""

    email: Annotated[str, told("In its one spelling.", "ada@example.com")]
    credits: CreditLeft
    created_at: Time
    email_proven: Annotated[
        bool, told("Whether the address was proven by a link that was sent there.", sample=True)
    ]
    second_factor: Annotated[
        bool, told("Whether signing in takes a code beside the password.", sample=True)
    ]
    second_factor_required: Annotated[bool, told("Whether the operator wants it to.", sample=False)]
    operator: Annotated[bool, told("Whether the account is an operator's.", sample=False)]


class UsageDay(Form):
    """A day in UTC."""

    date: Annotated[dt.date, told("The day.", "2026-03-01")]
    seconds_used: Seconds
    seconds_purchased: Seconds
    # Of a plan, unused.
    seconds_expired: Seconds

    @classmethod
    def of(cls, usage: DayUsage) -> Self:
        """As the ledger has it."""
        return cls(
            date=usage.date,
            seconds_used=seconds(usage.used_ms),
            seconds_purchased=seconds(usage.credited_ms),
            seconds_expired=seconds(usage.expired_ms),
        )


class EndedSession(Form):
    """A session that has ended."""

    session_id: Annotated[UUID, told("Its id.", "5f0c1c52-5b0e-4d0c-9d51-6f1d7c1c9a10")]
    engine: Annotated[str, told("Which engine heard it.", "deepgram")]
    model: Annotated[str, told("The engine's model.", "nova-3")]
    started_at: Time
    ended_at: Time | None
    seconds_used: Seconds
    reason: Annotated[
        str | None, told("Why it ended; the protocol's page lists them.", "completed")
    ]

    @classmethod
    def of(cls, record: SessionRecord) -> Self:
        """As the ledger has it."""
        return cls(
            session_id=record.session_id,
            engine=record.engine,
            model=record.model,
            started_at=record.started_at.isoformat(),
            ended_at=None if record.ended_at is None else record.ended_at.isoformat(),
            seconds_used=seconds(record.used_ms),
            reason=record.end_reason,
        )


class Usage(Form):
    """What one has used lately."""

    days: Annotated[
        list[UsageDay],
        Meta(max_length=_USAGE_DAYS, description="Oldest first, today last, none left out."),
    ]
    sessions: Annotated[
        list[EndedSession], Meta(max_length=_USAGE_SESSIONS, description="Newest first.")
    ]


class Deletion(Form):
    """That one means it."""

    password: PresentPassword


class Deleted(Form):
    """The account is gone."""

    deleted: Annotated[bool, told("Always true.", sample=True, const=True)]


blueprint = Blueprint("account", __name__, url_prefix="/account")


@blueprint.get("/me")
@authenticated
@described(Topic.ACCOUNT, gives={200: Answer("The account.", OwnAccount)})
async def me(principal: Principal) -> OwnAccount:
    """The account and its credit."""
    return await own_account(principal)


async def own_account(principal: Principal) -> OwnAccount:
    """Who somebody is, and what they have."""
    services = wiring().services
    user = await services.accounts.me(principal)
    has = await services.wallet.balance(principal.user_id)
    factor = await services.accounts.second_factor.state(principal.user_id)
    if user is None or has is None or factor is None:
        raise unauthenticated()
    return OwnAccount(
        email=user.email,
        credits=CreditLeft.of(has.balance_ms),
        created_at=user.created_at.isoformat(),
        email_proven=user.email_proven_at is not None,
        second_factor=factor.on,
        second_factor_required=factor.required,
        operator=await services.accounts.operators.is_operator(principal.user_id),
    )


@blueprint.get("/usage")
@authenticated
@described(
    Topic.ACCOUNT,
    gives={200: Answer("What was used.", Usage)},
    more="What live sessions used so far counts today.",
)
async def usage(principal: Principal) -> Usage:
    """The last thirty days, in UTC, and the last ten sessions."""
    wallet = wiring().services.wallet
    days = await wallet.usage(principal.user_id, _USAGE_DAYS)
    sessions = await wallet.recent_sessions(principal.user_id, _USAGE_SESSIONS)
    return Usage(
        days=[UsageDay.of(day) for day in days], sessions=[EndedSession.of(one) for one in sessions]
    )


@blueprint.delete("")
@rate_limited
@described(
    Topic.ACCOUNT,
    takes=Body(Deletion),
    gives={200: Answer("Deleted; every sign-in has ended.", Deleted)},
    refuses=(AUTH_FAILED, WRONG_PASSWORD, TOO_MANY_GUESSES, UNAVAILABLE),
    schemes=("bearer",),
    more="Credit that is left is lost. Live sessions end when they next renew their hold on "
    "credit. What was used and paid stays in the books, without the person. The address may "
    "register anew.",
)
async def delete() -> Deleted:
    """Delete the account for good."""
    principal = await principal_of_request()
    meant = await read_form(Deletion)
    outcome = await wiring().services.accounts.delete_own(principal, meant.password, visitor())
    if not isinstance(outcome, User):
        raise password_problem(outcome)
    log.info("account deleted", user=principal.user_id, address=requester_address())
    return Deleted(deleted=True)
