"""What routes and commands ask of plans: who is on which, what is left, may this request be."""

import datetime as dt
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import attrs

from relayd.database.ports import Connection, Database
from relayd.ledger import balances, lots
from relayd.ledger.lots import LotRecord
from relayd.ledger.outcomes import Balance
from relayd.plans import rates
from relayd.plans.membership import Membership, month_of
from relayd.plans.plans import Plan, PlanName, Plans
from relayd.plans.rates import Admission

__all__ = ["HAND_SOURCE", "Period", "PlanStanding", "UserPlans"]

# The source of lots that operators give by hand.
HAND_SOURCE: Final = "hand"


@attrs.frozen
class Period:
    """The month that counts: of Pro from its minutes to their end, else the calendar's in UTC."""

    begins_at: dt.datetime
    ends_at: dt.datetime


@attrs.frozen
class PlanStanding:
    """A user's plan, what they used in its period, and what of their credit runs out when.

    ``plan`` is None where there are no plans. What live sessions used so far counts.
    """

    plan: Plan | None
    period: Period
    live_ms: int
    recordings_ms: int
    balance: Balance
    # Those with something left, soonest to run out first.
    lots: tuple[LotRecord, ...]

    @property
    def used_ms(self) -> int:
        """In this period, for whatever."""
        return self.live_ms + self.recordings_ms

    @property
    def running_out_ms(self) -> int:
        """What is left of lots; what live sessions used so far still counts as theirs."""
        return min(sum(one.remaining_ms for one in self.lots), self.balance.balance_ms)


@attrs.frozen
class UserPlans:
    """Every call is one transaction and raises `DatabaseUnavailable`.

    Without a membership there are no plans, and nobody is refused for one.
    """

    database: Database
    membership: Membership | None = None

    @property
    def plans(self) -> Plans | None:
        """Those that there are."""
        return None if self.membership is None else self.membership.plans

    async def standing(self, user_id: UUID, *, test: bool = False) -> PlanStanding | None:
        """How a user stands; None for an unknown one.

        On Free, the month's minutes are given, but not to a ``test`` key, which uses none.
        """
        return await self.database.transact(self._standing, user_id, test=test)

    async def plan(self, user_id: UUID) -> Plan | None:
        """The plan that a user is on."""
        if self.membership is None:
            return None
        return await self.database.transact(self.membership.plan, user_id)

    async def lots(self, user_id: UUID, most: int) -> Sequence[LotRecord]:
        """A user's credit that runs out or ran out; see `lots.of_user`."""
        return await self.database.transact(lots.of_user, user_id, most)

    async def admit(self, user_id: UUID) -> Admission | None:
        """Count a request under the user's plan; None where there are no plans."""
        membership = self.membership
        if membership is None:
            return None

        def admit(connection: Connection) -> Admission:
            plan = membership.plan(connection, user_id)
            admission = rates.admit(connection, user_id, plan.requests_per_minute)
            balance_ms, expiring_ms = lots.left(connection, user_id)
            return attrs.evolve(admission, balance_ms=balance_ms, expiring_ms=expiring_ms)

        return await self.database.transact(admit)

    def _standing(
        self, connection: Connection, user_id: UUID, *, test: bool
    ) -> PlanStanding | None:
        plan = None
        if self.membership is not None:
            found = self.membership.plan if test else self.membership.begin
            plan = found(connection, user_id)
        # Takes what has run out, so that nobody is shown it.
        account = balances.lock(connection, user_id)
        if account is None:
            return None
        period = _period(connection, user_id, plan)
        left = tuple(lot for lot in lots.of_user(connection, user_id) if lot.remaining_ms)
        live_ms, recordings_ms = _used(connection, user_id, period)
        balance = balances.of_account(account)
        return PlanStanding(plan, period, live_ms, recordings_ms, balance, left)


def _used(connection: Connection, user_id: UUID, period: Period) -> tuple[int, int]:
    """What live streams and recordings used since a period began."""
    row = connection.execute(
        """
        SELECT coalesce(sum(-amount_ms) FILTER (WHERE kind = 'session'), 0)::bigint
               + coalesce((SELECT sum(used_ms) FROM transcription_sessions
                           WHERE user_id = %(user)s AND ended_at IS NULL), 0)::bigint,
               coalesce(sum(-amount_ms) FILTER (WHERE kind = 'reservation'), 0)::bigint
        FROM usage_ledger WHERE user_id = %(user)s AND created_at >= %(begins)s
        """,
        {"user": user_id, "begins": period.begins_at},
    ).fetchone()
    assert row is not None
    return row[0], row[1]


def _period(connection: Connection, user_id: UUID, plan: Plan | None) -> Period:
    now = dt.datetime.now(dt.UTC)
    if plan is not None and plan.name is PlanName.PRO:
        row = connection.execute(
            """
            SELECT created_at, expires_at FROM credit_lots
            WHERE user_id = %s AND plan = 'pro' AND claimed_ms < amount_ms AND expires_at > %s
            ORDER BY expires_at, number LIMIT 1
            """,
            (user_id, now),
        ).fetchone()
        if row is not None:
            return Period(*row)
    return Period(*month_of(now))
