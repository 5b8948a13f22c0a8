"""A plan and what is left of it, as the interface shows them."""

from typing import Annotated, Literal, Self

from msgspec import Meta

from relayd.durations import seconds
from relayd.ledger.lots import LotRecord
from relayd.plans.plans import Plan
from relayd.routes.toolkit.forms import Form, Seconds, Time, told

__all__ = ["ExpiringMinutes", "PlanFacts", "PlanName"]

PlanName = Annotated[Literal["free", "pro", "payg"], told("Its name.", "free")]


class ExpiringMinutes(Form):
    """Credit that runs out."""

    plan: Annotated[str, told("The plan that gave it; empty where none did.", "free")]
    seconds_remaining: Seconds
    seconds_given: Seconds
    live: Annotated[
        bool, told("Whether live streams may use it, and not recordings alone.", sample=True)
    ]
    expires_at: Time

    @classmethod
    def of(cls, lot: LotRecord) -> Self:
        """As the ledger has it."""
        return cls(
            plan=lot.plan,
            seconds_remaining=seconds(lot.remaining_ms),
            seconds_given=seconds(lot.amount_ms),
            live=lot.live,
            expires_at=lot.expires_at.isoformat(),
        )


class PlanFacts(Form):
    """What a plan gives."""

    name: PlanName
    minutes_per_month: Annotated[int, Meta(ge=0), told("0: as many as one has bought.", 60)]
    live: Annotated[bool, told("Whether its minutes serve live streams too.", sample=True)]
    price_cents: Annotated[int, Meta(ge=0), told("A month's price.", 0)]
    currency: Annotated[str, told("That price's, as Stripe has it.", "usd")]
    models: Annotated[
        list[str] | None, told("What recordings may be transcribed with; null: all.", ["default"])
    ]
    formats: Annotated[
        list[str] | None, told("In which formats words may be read; null: all.", ["json"])
    ]
    recordings_at_once: Annotated[int, Meta(ge=1), told("Worked on at the same time.", 1)]
    recordings_waiting: Annotated[int, Meta(ge=1), told("That may wait.", 20)]
    requests_per_minute: Annotated[int, Meta(ge=1), told("By keys, and handing in.", 10)]
    priority: Annotated[int, Meta(ge=0), told("Who has more comes first.", 0)]

    @classmethod
    def of(cls, plan: Plan, currency: str) -> Self:
        """As the operator has it."""
        terms = plan.terms
        return cls(
            name=plan.name.value,
            minutes_per_month=plan.minutes_ms // 60_000,
            live=plan.live,
            price_cents=plan.price_cents,
            currency=currency,
            models=None if terms.models is None else sorted(terms.models),
            formats=None if plan.formats is None else sorted(plan.formats),
            recordings_at_once=terms.running_max,
            recordings_waiting=terms.queued_max,
            requests_per_minute=plan.requests_per_minute,
            priority=terms.priority,
        )
