"""GET /api/v1/stats: what one has in the queue, used, and has left."""

from typing import Annotated

from msgspec import Meta
from quart import Blueprint

from relayd.durations import seconds
from relayd.identity import Principal, Scope
from relayd.routes.toolkit.description import Answer, Topic, described
from relayd.routes.toolkit.forms import Form, Seconds, Time, told
from relayd.routes.toolkit.protection import authorised
from relayd.routes.views.billing.plan import standing_of
from relayd.routes.views.billing.plan_forms import ExpiringMinutes, PlanName
from relayd.routes.views.v1.recordings.recordings import BATCH_OFF, open_batch

__all__ = ["blueprint"]

blueprint = Blueprint("v1_stats", __name__, url_prefix="/api/v1")


class OwnStats(Form):
    """What one has in the queue, used in this period, and has left."""

    queued: Annotated[int, Meta(ge=0), told("Wait.", 1)]
    processing: Annotated[int, Meta(ge=0), told("Are under way.", 1)]
    completed: Annotated[int, Meta(ge=0), told("Ended with words, in 30 days.", 20)]
    failed: Annotated[int, Meta(ge=0), told("Ended without, in 30 days.", 0)]
    audio_seconds: Annotated[float, Meta(ge=0), told("Audio transcribed, in 30 days.", 7200.5)]
    cost_seconds: Annotated[float, Meta(ge=0), told("Credit it took, in 30 days.", 7201)]
    plan: Annotated[PlanName | None, told("null where there are no plans.", "free")]
    # A month of UTC; on Pro from its minutes to their end.
    period_begins_at: Time
    period_ends_at: Time
    # In this period: in all, and of it by live streams.
    seconds_used: Seconds
    live_seconds: Seconds
    seconds_remaining: Seconds
    # Of what remains, what runs out.
    seconds_expiring: Seconds
    expiring: Annotated[list[ExpiringMinutes], told("Soonest to run out first.", [])]


@blueprint.get("/stats")
@authorised(Scope.READ)
@described(Topic.RECORDINGS, gives={200: Answer("In numbers.", OwnStats)}, refuses=(BATCH_OFF,))
async def stats(principal: Principal) -> OwnStats:
    """What one has in the queue, had lately, used, and has left."""
    found = await open_batch().transcriptions.user_stats(principal.user_id, test=principal.test)
    standing = await standing_of(principal)
    return OwnStats(
        queued=found.queued,
        processing=found.running,
        completed=found.done,
        failed=found.failed,
        audio_seconds=seconds(found.audio_ms),
        cost_seconds=seconds(found.charged_ms),
        plan=None if standing.plan is None else standing.plan.name.value,
        period_begins_at=standing.period.begins_at.isoformat(),
        period_ends_at=standing.period.ends_at.isoformat(),
        seconds_used=seconds(standing.used_ms),
        live_seconds=seconds(standing.live_ms),
        seconds_remaining=seconds(standing.balance.balance_ms),
        seconds_expiring=seconds(standing.running_out_ms),
        expiring=[ExpiringMinutes.of(lot) for lot in standing.lots],
    )
