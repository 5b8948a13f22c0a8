"""Plans in memory: everybody is on the one that a test says."""

import datetime as dt
from collections.abc import Sequence
from uuid import UUID, uuid4

import attrs
import trio.lowlevel

from relayd.jobs.lanes import Terms
from relayd.ledger.lots import LotRecord
from relayd.ledger.outcomes import Balance
from relayd.plans.plans import Plan, PlanName, Plans
from relayd.plans.rates import Admission
from relayd.plans.service import Period, PlanStanding

__all__ = ["PLANS", "MemoryPlans"]

_BEGINS = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
_ENDS = dt.datetime(2026, 4, 1, tzinfo=dt.UTC)
PLANS = Plans(
    Plan(
        PlanName.FREE,
        Terms(models=frozenset({"default"})),
        frozenset({"json"}),
        requests_per_minute=10,
        minutes_ms=3_600_000,
    ),
    Plan(PlanName.PRO, Terms(1), None, 60, minutes_ms=60_000_000, price_cents=2900),
    Plan(PlanName.PAYG, Terms(2), None, 300),
    unproven=False,
)


@attrs.define(eq=False)
class MemoryPlans:
    """Implements `relayd.routes.toolkit.wiring.PlanRoster`."""

    name: PlanName | None = None
    admission: Admission | None = None
    # Who was counted.
    admitted: list[UUID] = attrs.field(factory=list)

    @property
    def plans(self) -> Plans | None:
        """None without one that everybody is on."""
        return None if self.name is None else PLANS

    async def plan(self, user_id: UUID) -> Plan | None:
        """Everybody's."""
        await trio.lowlevel.checkpoint()
        return None if self.name is None else PLANS.named(self.name)

    async def standing(self, user_id: UUID, *, test: bool = False) -> PlanStanding | None:
        """A minute of ten is used."""
        lot = LotRecord(
            id=uuid4(),
            source="free",
            source_id="",
            plan="free",
            amount_ms=600_000,
            remaining_ms=540_000,
            spent_ms=60_000,
            expired_ms=0,
            taken_ms=0,
            owed_ms=0,
            live=True,
            created_at=_BEGINS,
            expires_at=_ENDS,
        )
        plan = await self.plan(user_id)
        lots = () if plan is None else (lot,)
        return PlanStanding(
            plan, Period(_BEGINS, _ENDS), 40_000, 20_000, Balance(600_500, 0, 0), lots
        )

    async def lots(self, user_id: UUID, most: int) -> Sequence[LotRecord]:
        """The one that `standing` tells of."""
        found = await self.standing(user_id)
        return () if found is None else found.lots[:most]

    async def admit(self, user_id: UUID) -> Admission | None:
        """As a test says."""
        await trio.lowlevel.checkpoint()
        self.admitted.append(user_id)
        return self.admission
