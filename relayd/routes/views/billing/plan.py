"""GET /account/plan: which plan one is on, what it gives, and what is left of it."""

from typing import Annotated, Final

from quart import Blueprint

from relayd.durations import seconds
from relayd.identity import Principal
from relayd.plans.service import PlanStanding
from relayd.routes.toolkit.description import Answer, Topic, described
from relayd.routes.toolkit.forms import Form, Seconds, Time, told
from relayd.routes.toolkit.protection import authenticated, unauthenticated
from relayd.routes.toolkit.wiring import wiring
from relayd.routes.views.billing.plan_forms import ExpiringMinutes, PlanFacts, PlanName

__all__ = ["blueprint", "standing_of"]


class OwnPlan(Form):
    """Which plan one is on, and what is left."""

    plan: Annotated[PlanName | None, told("null where there are no plans.", "free")]
    period_begins_at: Time
    period_ends_at: Time
    # In this period.
    seconds_used: Seconds
    seconds_remaining: Seconds
    # Of what remains: what runs out, and when.
    seconds_expiring: Seconds
    expiring: Annotated[list[ExpiringMinutes], told("Soonest to run out first.", [])]
    plans: Annotated[list[PlanFacts], told("All that there are.", [])]


# Where nothing has a price.
_CURRENCY: Final = "usd"

blueprint = Blueprint("plan", __name__, url_prefix="/account")


@blueprint.get("/plan")
@authenticated
@described(
    Topic.ACCOUNT,
    gives={200: Answer("The plan.", OwnPlan)},
    more="On Free, the month's minutes are given now, where they were not. Where there are no "
    "plans, every account may do the same, and minutes run out only where an operator gave such.",
)
async def plan(principal: Principal) -> OwnPlan:
    """Which plan one is on, what it gives, and what is left of it."""
    services = wiring().services
    assert services.plans is not None
    found, plans = await standing_of(principal), services.plans.plans
    # Packages and plans are sold in one.
    currency = services.packages[0].currency if services.packages else _CURRENCY
    return OwnPlan(
        plan=None if found.plan is None else found.plan.name.value,
        period_begins_at=found.period.begins_at.isoformat(),
        period_ends_at=found.period.ends_at.isoformat(),
        seconds_used=seconds(found.used_ms),
        seconds_remaining=seconds(found.balance.balance_ms),
        seconds_expiring=seconds(found.running_out_ms),
        expiring=[ExpiringMinutes.of(lot) for lot in found.lots],
        plans=[] if plans is None else [PlanFacts.of(one, currency) for one in plans],
    )


async def standing_of(principal: Principal) -> PlanStanding:
    """How somebody stands; a refusal where they are gone."""
    user_plans = wiring().services.plans
    assert user_plans is not None
    found = await user_plans.standing(principal.user_id, test=principal.test)
    if found is None:
        raise unauthenticated()
    return found
