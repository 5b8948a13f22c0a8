"""What is recorded of subscriptions and of a plan's minutes, beside what Stripe finally says."""

from uuid import UUID

import attrs

from relayd.database.ports import Connection
from tests.payments.histories.history import History

__all__ = ["Lots", "compare_subscriptions", "lots_of", "make_a_day_pass"]


@attrs.frozen
class Lots:
    """What a user's lots say. ``over_ms``: what counts of those that have run out."""

    over_ms: int
    on_plan: bool


def lots_of(connection: Connection, user_id: UUID) -> Lots:
    """The lots of a user; on the plan is whoever has one that is neither over nor wholly gone."""
    row = connection.execute(
        """
        SELECT coalesce(sum(amount_ms - expired_ms - taken_ms - owed_ms)
                   FILTER (WHERE expires_at <= clock_timestamp()), 0)::bigint,
               coalesce(bool_or(plan = 'pro' AND claimed_ms < amount_ms)
                   FILTER (WHERE expires_at > clock_timestamp()), false)
        FROM credit_lots WHERE user_id = %s
        """,
        (user_id,),
    ).fetchone()
    assert row is not None
    return Lots(*row)


def make_a_day_pass(connection: Connection) -> None:
    """Every subscription that runs is to be looked at again."""
    connection.execute("UPDATE subscriptions SET looked_at = looked_at - '2 days'::interval")


def compare_subscriptions(history: History) -> None:
    """Each is recorded as it stands at Stripe: whose, whether it runs, whether and when it ends."""
    rows = history.speakers.store.connection.execute(
        """
        SELECT checkout_session_id, subscription_id, user_id, state, status, cancels,
               extract(epoch FROM period_end)::bigint
        FROM subscriptions WHERE subscription_id IS NOT NULL
        """
    ).fetchall()
    begun = {key: who for key, who in history.sessions.items() if _shown(history, key)}
    assert {row[0] for row in rows} == begun.keys()
    for session_id, key, user_id, state, *standing in rows:
        said = history.stripe.records.tables["sub"][key]
        assert (_shown(history, session_id), user_id) == (key, begun[session_id].user_id)
        assert state == ("ended" if said["status"] == "canceled" else "running")
        ends = said["items"]["data"][0]["current_period_end"]
        assert standing == [said["status"], said["cancel_at_period_end"], ends]


def _shown(history: History, session_id: str) -> str | None:
    key: str | None = history.stripe.records.tables["cs"][session_id]["subscription"]
    return key
