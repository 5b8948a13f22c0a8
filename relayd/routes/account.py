"""GET /account/*: who one is, and what one has used."""

from typing import Any, Final

from quart import Blueprint

from relayd.durations import seconds
from relayd.identity import Principal
from relayd.ledger.outcomes import DayUsage, SessionRecord
from relayd.routes.credits import CREDIT, remaining
from relayd.routes.description import Answer, Topic, described
from relayd.routes.protection import authenticated, unauthenticated
from relayd.routes.shapes import SECONDS, TIME, Shape, listing, nullable, text
from relayd.routes.wiring import wiring

__all__ = ["blueprint"]

_USAGE_DAYS: Final = 30
_USAGE_SESSIONS: Final = 10

ACCOUNT: Final = Shape(
    "Account",
    "Who one is.",
    {
        "email": text("In its one spelling.", "ada@example.com"),
        "credits": CREDIT,
        "created_at": TIME,
    },
)
DAY: Final = Shape(
    "Day",
    "A day in UTC.",
    {
        "date": text("The day.", "2026-03-01", format="date"),
        "seconds_used": SECONDS,
        "seconds_purchased": SECONDS,
    },
)
SESSION: Final = Shape(
    "Session",
    "A session that has ended.",
    {
        "session_id": text("Its id.", "5f0c1c52-5b0e-4d0c-9d51-6f1d7c1c9a10", format="uuid"),
        "engine": text("Which engine heard it.", "deepgram"),
        "model": text("The engine's model.", "nova-3"),
        "started_at": TIME,
        "ended_at": nullable(TIME),
        "seconds_used": SECONDS,
        "reason": nullable(text("Why it ended; the protocol's page lists them.", "completed")),
    },
)
USAGE: Final = Shape(
    "Usage",
    "What one has used lately.",
    {
        "days": listing("Oldest first, today last, none left out.", DAY, maxItems=_USAGE_DAYS),
        "sessions": listing("Newest first.", SESSION, maxItems=_USAGE_SESSIONS),
    },
)

blueprint = Blueprint("account", __name__, url_prefix="/account")


@blueprint.get("/me")
@authenticated
@described(Topic.ACCOUNT, gives={200: Answer("The account.", ACCOUNT)})
async def me(principal: Principal) -> dict[str, Any]:
    """The account and its credit."""
    services = wiring().services
    user = await services.accounts.me(principal)
    has = await services.wallet.balance(principal.user_id)
    if user is None or has is None:
        raise unauthenticated()
    return {
        "email": user.email,
        "credits": remaining(has.balance_ms),
        "created_at": user.created_at.isoformat(),
    }


@blueprint.get("/usage")
@authenticated
@described(Topic.ACCOUNT, gives={200: Answer("What was used.", USAGE)})
async def usage(principal: Principal) -> dict[str, Any]:
    """The last thirty days, in UTC, and the last ten sessions."""
    wallet = wiring().services.wallet
    days = await wallet.usage(principal.user_id, _USAGE_DAYS)
    sessions = await wallet.recent_sessions(principal.user_id, _USAGE_SESSIONS)
    return {
        "days": [_day(day) for day in days],
        "sessions": [_session(session) for session in sessions],
    }


def _day(day: DayUsage) -> dict[str, Any]:
    return {
        "date": day.date.isoformat(),
        "seconds_used": seconds(day.used_ms),
        "seconds_purchased": seconds(day.credited_ms),
    }


def _session(session: SessionRecord) -> dict[str, Any]:
    return {
        "session_id": str(session.session_id),
        "engine": session.engine,
        "model": session.model,
        "started_at": session.started_at.isoformat(),
        "ended_at": None if session.ended_at is None else session.ended_at.isoformat(),
        "seconds_used": seconds(session.used_ms),
        "reason": session.end_reason,
    }
