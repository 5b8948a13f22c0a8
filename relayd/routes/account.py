"""GET /account/*: who one is, and what one has used."""

from typing import Any, Final

from quart import Blueprint

from relayd.ledger.outcomes import DayUsage, SessionRecord
from relayd.routes.credits import remaining, seconds
from relayd.routes.protection import authenticated, unauthenticated
from relayd.routes.wiring import wiring
from relayd.session.ports import Principal

__all__ = ["blueprint"]

_USAGE_DAYS: Final = 30
_USAGE_SESSIONS: Final = 10

blueprint = Blueprint("account", __name__, url_prefix="/account")


@blueprint.get("/me")
@authenticated
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
