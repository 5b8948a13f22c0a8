"""Which plan a user is on, and the free minutes of a month: derived from the books, not stored.

Whoever bought minutes pays as they go while any credit is left that never runs out; else whoever
has a lot of the plan Pro whose time isn't over is on Pro; everybody else is on Free. So nothing has
to be changed when a month is over, a payment fails, or the last bought minute is used.
"""

import datetime as dt
import hashlib
import hmac
from typing import Final
from uuid import UUID

import attrs

from relayd.database.ports import Connection
from relayd.jobs.lanes import Terms
from relayd.ledger import lots
from relayd.ledger.lots import Grant
from relayd.plans.plans import Plan, PlanName, Plans

__all__ = ["FREE_SOURCE", "Membership", "month_of"]

# The source of the lots that Free gives.
FREE_SOURCE: Final = "free"
# Of a key that is used for this alone.
_MONTHS: Final = b"relayd: who was given the minutes of a month"


@attrs.frozen
class Membership:
    """Every method is a step of somebody's transaction.

    ``pepper`` makes the name of a month's lot, which doesn't tell the address: an account that is
    deleted and made again is given no second one.
    """

    plans: Plans
    pepper: bytes = attrs.field(repr=False)

    def plan(self, connection: Connection, user_id: UUID) -> Plan:
        """The plan that a user is on now."""
        row = connection.execute(
            """
            SELECT EXISTS (
                       SELECT FROM credit_lots
                       WHERE user_id = %(user)s AND plan = 'pro' AND claimed_ms < amount_ms
                         AND expires_at > clock_timestamp()),
                   EXISTS (
                       SELECT FROM purchases
                       WHERE user_id = %(user)s AND status = 'paid'
                         AND clawed_back_ms < seconds * 1000)
            """,
            {"user": user_id},
        ).fetchone()
        assert row is not None
        pro, bought = row
        if bought and lots.lasting_ms(connection, user_id) > 0:
            return self.plans.named(PlanName.PAYG)
        return self.plans.named(PlanName.PRO if pro else PlanName.FREE)

    def begin(self, connection: Connection, user_id: UUID) -> Plan:
        """The plan of a user who uses something now: on Free, the month's minutes are given."""
        plan = self.plan(connection, user_id)
        if plan.name is PlanName.FREE and plan.minutes_ms:
            self._give(connection, user_id, plan)
        return plan

    def terms(self, connection: Connection, user_id: UUID, *, test: bool) -> Terms:
        """What a user who hands something in may have in the queue.

        ``test``: it only pretends, and so is no use of the month's minutes.
        """
        found = self.plan if test else self.begin
        return found(connection, user_id).terms

    def _give(self, connection: Connection, user_id: UUID, plan: Plan) -> None:
        row = connection.execute(
            """
            SELECT email, clock_timestamp() FROM users
            WHERE id = %s AND disabled_at IS NULL AND (%s OR email_proven_at IS NOT NULL)
            """,
            (user_id, self.plans.unproven),
        ).fetchone()
        if row is None:
            return
        email, now = row
        begins, ends = month_of(now)
        month = f"{begins:%Y-%m}"
        key = hmac.digest(self.pepper, _MONTHS + email.encode(), hashlib.sha256).hex()
        if lots.exists(connection, FREE_SOURCE, f"{month} {key}"):
            return
        # Where another account of this address was given it, nothing is granted.
        lots.grant(
            connection,
            Grant(
                user_id,
                FREE_SOURCE,
                f"{month} {key}",
                plan.minutes_ms,
                ends,
                f"minutes of {month}",
                plan=plan.name.value,
                live=plan.live,
            ),
        )


def month_of(moment: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """The UTC month in which a moment lies: its beginning, and that of the next."""
    begins = moment.astimezone(dt.UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    # Any day of the next month: 31 days and a bit after the first.
    ends = (begins + dt.timedelta(days=32)).replace(day=1)
    return begins, ends
