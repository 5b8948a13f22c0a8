"""/api/v1/admin: what is everybody's, for the operator's programs. Each look leaves a row."""

from typing import Annotated, Final, Self
from uuid import UUID

from msgspec import Meta
from quart import Blueprint, request

from relayd.accounts.operators import LIST_USERS, READ_QUEUE, READ_USER, Deed
from relayd.accounts.outcomes import User
from relayd.durations import seconds
from relayd.identity import Principal, Scope
from relayd.ledger.lots import LotRecord
from relayd.ledger.outcomes import Balance
from relayd.routes.toolkit.bodies import INVALID_FIELD
from relayd.routes.toolkit.description import Answer, Topic, described
from relayd.routes.toolkit.forms import Form, Seconds, Time, told
from relayd.routes.toolkit.problems import Refusal
from relayd.routes.toolkit.protection import authorised
from relayd.routes.toolkit.wiring import wiring
from relayd.routes.views.accounts.account import EndedSession
from relayd.routes.views.billing.plan_forms import PlanName
from relayd.routes.views.billing.purchases import Listed
from relayd.routes.views.v1.numbers import number_asked
from relayd.routes.views.v1.recordings.recordings import BATCH_OFF, Recording, identity, open_batch
from relayd.transcriptions.outcomes import Filters, Standing

__all__ = [
    "REASON_MAX",
    "UNKNOWN_USER",
    "AccountCredit",
    "AccountDetail",
    "UserId",
    "blueprint",
    "checked_reason",
]

blueprint = Blueprint("v1_admin", __name__, url_prefix="/api/v1/admin")

UNKNOWN_USER: Final = Refusal(404, "unknown_user", "There is no such account.")

_PAGE: Final = 100
_PAGE_MAX: Final = 1000
# Of each kind of thing that is told of an account.
_LATEST: Final = 20
REASON_MAX: Final = 200
_USER: Final = "5f0c1c52-5b0e-4d0c-9d51-6f1d7c1c9a10"
UserId = Annotated[str, told("As the list has it.", _USER)]
_WHY: Final = {
    "reason": Annotated[
        str,
        told("Why, for the trail of what operators did.", "ticket 117", maxLength=REASON_MAX),
    ]
}


class WholeQueue(Form):
    """All recordings that wait or run, and who works on them."""

    waiting_seconds: Annotated[
        float, Meta(ge=0), told("Audio that waits: scale workers by it.", 5400.5)
    ]
    oldest_seconds: Annotated[float, Meta(ge=0), told("Since the oldest of it waits.", 12.5)]
    queued: Annotated[int, Meta(ge=0), told("Recordings that wait.", 90)]
    delayed: Annotated[int, Meta(ge=0), told("Those that wait for another attempt.", 1)]
    running: Annotated[int, Meta(ge=0), told("Those that are under way.", 4)]
    users_waiting: Annotated[int, Meta(ge=0), told("Users whose recordings wait.", 7)]
    workers: Annotated[int, Meta(ge=0), told("Workers that live.", 2)]
    slots: Annotated[int, Meta(ge=0), told("Recordings that they take at once.", 4)]


class AccountDetail(Form):
    """An account."""

    id: Annotated[UUID, told("Its id.", _USER)]
    email: Annotated[str, told("Its address.", "ada@example.org")]
    created_at: Time
    disabled: Annotated[bool, told("Whether it is kept out.", sample=False)]
    email_proven: Annotated[bool, told("Whether its address is.", sample=True)]

    @classmethod
    def of(cls, user: User) -> Self:
        """As it is recorded."""
        return cls(
            id=user.id,
            email=user.email,
            created_at=user.created_at.isoformat(),
            disabled=user.disabled_at is not None,
            email_proven=user.email_proven_at is not None,
        )


class AccountPage(Form):
    """Some accounts, by address."""

    users: list[AccountDetail]
    next_after: Annotated[str | None, told("For `after`, where there are more.", "ada@example.org")]


class AccountCredit(Form):
    """What an account has."""

    seconds_remaining: Seconds
    seconds_held: Seconds
    seconds_owed: Seconds
    frozen: Annotated[bool, told("Whether a payment of it is disputed.", sample=False)]

    @classmethod
    def of(cls, balance: Balance) -> Self:
        """As the ledger has it."""
        return cls(
            seconds_remaining=seconds(balance.balance_ms),
            seconds_held=seconds(balance.held_ms),
            seconds_owed=seconds(balance.debt_ms),
            frozen=balance.frozen,
        )


class PlanLot(Form):
    """Credit that runs out, or ran out, and what became of it."""

    source: Annotated[str, told("What gave it: free, invoice or hand.", "free")]
    plan: Annotated[str, told("The plan that it belongs to; empty where to none.", "free")]
    live: Annotated[
        bool, told("Whether live streams may use it, and not recordings alone.", sample=True)
    ]
    seconds_given: Seconds
    seconds_remaining: Seconds
    seconds_spent: Seconds
    # Unused at its end.
    seconds_expired: Seconds
    # By refunds and disputes: out of it, or out of other credit where it had been spent.
    seconds_taken_back: Seconds
    created_at: Time
    expires_at: Time

    @classmethod
    def of(cls, lot: LotRecord) -> Self:
        """As the ledger has it."""
        return cls(
            source=lot.source,
            plan=lot.plan,
            live=lot.live,
            seconds_given=seconds(lot.amount_ms),
            seconds_remaining=seconds(lot.remaining_ms),
            seconds_spent=seconds(lot.spent_ms),
            seconds_expired=seconds(lot.expired_ms),
            seconds_taken_back=seconds(lot.taken_ms + lot.owed_ms),
            created_at=lot.created_at.isoformat(),
            expires_at=lot.expires_at.isoformat(),
        )


class WholeAccount(Form):
    """An account, and the latest of what it did, newest first."""

    user: AccountDetail
    plan: Annotated[PlanName | None, told("null where there are no plans.", "free")]
    credit: AccountCredit
    lots: Annotated[list[PlanLot], told("Those with something left first.", [])]
    live_streams: Annotated[int, Meta(ge=0), told("That run now.", 1)]
    sessions: list[EndedSession]
    recordings: list[Recording]
    purchases: list[Listed]


@blueprint.get("/queue-stats")
@authorised(Scope.ADMIN)
@described(
    Topic.OPERATING,
    query=_WHY,
    gives={200: Answer("In numbers.", WholeQueue)},
    refuses=(BATCH_OFF, INVALID_FIELD),
    more="For a key of the operator's. `waiting_seconds` is the figure to start and stop workers "
    "by; what waits of accounts whose credit is frozen is in it.",
)
async def queue_stats(principal: Principal) -> WholeQueue:
    """The whole queue, in numbers."""
    await _note(principal, READ_QUEUE, principal.user_id)
    found = await open_batch().transcriptions.queue_stats()
    return WholeQueue(
        waiting_seconds=seconds(found.queued_ms),
        oldest_seconds=round(found.oldest_seconds, 3),
        queued=found.queued,
        delayed=found.delayed,
        running=found.running,
        users_waiting=found.users_waiting,
        workers=found.workers,
        slots=found.slots,
    )


@blueprint.get("/users")
@authorised(Scope.ADMIN)
@described(
    Topic.OPERATING,
    query={
        "after": Annotated[str, told("From `next_after` of the page before.", "ada@example.org")],
        "limit": Annotated[int, told(f"At most so many, {_PAGE} if left out.", 10)],
        **_WHY,
    },
    gives={200: Answer("A page of them.", AccountPage)},
    refuses=(INVALID_FIELD,),
    more="For a key of the operator's.",
)
async def users(principal: Principal) -> AccountPage:
    """All accounts, by address."""
    after = request.args.get("after", "")
    if "\0" in after:
        raise INVALID_FIELD.problem("The field after has characters that no address has.")
    most = number_asked("limit", _PAGE, _PAGE_MAX) or _PAGE
    await _note(principal, LIST_USERS, principal.user_id)
    found = await wiring().services.accounts.list(after, most + 1)
    shown = [AccountDetail.of(user) for user in found[:most]]
    return AccountPage(users=shown, next_after=shown[-1].email if len(found) > most else None)


@blueprint.get("/users/<user_id>")
@authorised(Scope.ADMIN)
@described(
    Topic.OPERATING,
    path={"user_id": UserId},
    query=_WHY,
    gives={200: Answer("The account.", WholeAccount)},
    refuses=(UNKNOWN_USER, INVALID_FIELD),
    more="For a key of the operator's. Words and audio are nobody's but the user's; a look gives "
    "nobody the minutes of a month.",
)
async def user(principal: Principal, user_id: str) -> WholeAccount:
    """An account: credit, lots, sessions, recordings, purchases."""
    services = wiring().services
    asked = Principal(identity(user_id, UNKNOWN_USER))
    found = await services.accounts.me(asked)
    has = await services.wallet.balance(asked.user_id)
    if found is None or has is None:
        raise UNKNOWN_USER.problem()
    await _note(principal, READ_USER, found.id)
    plans = services.plans
    assert plans is not None, "an app that is served knows of plans"
    plan = await plans.plan(found.id)
    sessions = await services.wallet.recent_sessions(found.id, _LATEST)
    recordings = []
    if services.batch is not None:
        page = await services.batch.transcriptions.page(found.id, Filters(), None, _LATEST)
        recordings = [Recording.of(Standing(one)) for one in page.transcriptions]
    bought = [] if services.shop is None else await services.shop.purchases(asked)
    return WholeAccount(
        user=AccountDetail.of(found),
        plan=None if plan is None else plan.name.value,
        credit=AccountCredit.of(has),
        lots=[PlanLot.of(one) for one in await plans.lots(found.id, _LATEST)],
        live_streams=len(await services.wallet.live_sessions(found.id)),
        sessions=[EndedSession.of(one) for one in sessions],
        recordings=recordings,
        purchases=[Listed.of(one) for one in bought[:_LATEST]],
    )


def checked_reason(text: str) -> str:
    """A reason as the trail takes it."""
    reason = text.strip()
    if not 1 <= len(reason) <= REASON_MAX or not reason.isprintable():
        raise INVALID_FIELD.problem(
            f"The field reason must be text of 1 to {REASON_MAX} characters."
        )
    return reason


async def _note(principal: Principal, action: str, user_id: UUID) -> None:
    """Leave a row of who looks at what, and why, before it is looked at."""
    reason = checked_reason(request.args.get("reason", "").strip() or "by an API key")
    deed = Deed(action, user_id, reason, reference=f"key {principal.key_id}")
    await wiring().services.accounts.operators.note(deed, principal.user_id)
