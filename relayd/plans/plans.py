"""The plans that there are, as configured: facts, no behaviour beyond looking one up."""

import enum
from collections.abc import Iterator
from typing import Self

import attrs

from relayd import config
from relayd.jobs.lanes import Terms

__all__ = ["Plan", "PlanName", "Plans"]

# All of them, as the configuration spells it.
_ALL = "*"


class PlanName(enum.Enum):
    """Which plan; the value stands in the books and in JSON."""

    FREE = "free"
    PRO = "pro"
    PAYG = "payg"


@attrs.frozen
class Plan:
    """What a plan gives. ``minutes_ms`` is for a month; 0 where it brings none."""

    name: PlanName
    terms: Terms
    # In which formats words may be read; None: in all.
    formats: frozenset[str] | None
    requests_per_minute: int
    minutes_ms: int = 0
    # Whether its minutes serve live streams too.
    live: bool = True
    price_cents: int = 0


@attrs.frozen
class Plans:
    """All three."""

    free: Plan
    pro: Plan
    payg: Plan
    # Whether addresses that nobody proved are given the free minutes too.
    unproven: bool

    @classmethod
    def configured(cls, settings: config.Config, default_model: str) -> Self | None:
        """As the operator has them; None where there are no plans.

        ``default_model``: what is meant where a request names none.
        """
        plans = settings.plans
        if not plans.on:
            return None
        free, pro = plans.free, plans.pro
        longest_ms = settings.batch.audio_minutes_max * 60_000

        def plan(name: PlanName, said: config.Plan) -> Plan:
            terms = Terms(
                said.priority,
                said.running,
                said.queued,
                longest_ms,
                None if _ALL in said.models else frozenset(said.models or (default_model,)),
            )
            formats = None if _ALL in said.formats else frozenset(said.formats)
            return Plan(name, terms, formats, said.requests_per_minute)

        return cls(
            attrs.evolve(
                plan(PlanName.FREE, free), minutes_ms=free.minutes * 60_000, live=free.live
            ),
            attrs.evolve(
                plan(PlanName.PRO, pro),
                minutes_ms=pro.minutes * 60_000,
                live=pro.live,
                price_cents=pro.price_cents,
            ),
            plan(PlanName.PAYG, plans.payg),
            free.unproven,
        )

    def __iter__(self) -> Iterator[Plan]:
        return iter((self.free, self.pro, self.payg))

    def named(self, name: PlanName) -> Plan:
        """The one of this name."""
        plan: Plan = getattr(self, name.value)
        return plan
