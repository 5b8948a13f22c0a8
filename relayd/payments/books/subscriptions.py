"""The transactions of a subscription: begun before Stripe is asked, then as Stripe says it stands.

What it gives is not decided here: each of its paid invoices grants a lot.
"""

import datetime as dt
import enum
from uuid import UUID

import attrs

from relayd.database.ports import Connection
from relayd.payments.books.purchases import LOST_HOURS, buyer_of
from relayd.payments.ports import Buyer, CheckoutSession, PurchaseState, Subscription

__all__ = [
    "ForSubscribers",
    "Subscribed",
    "Subscriber",
    "SubscriptionState",
    "attach",
    "begin",
    "begun_among",
    "expire_unknown",
    "find",
    "latest",
    "lose",
    "record",
    "settle",
    "take_due",
    "take_waiting",
    "unwanted",
]


class SubscriptionState(enum.Enum):
    """Whether a subscription brings anything: one that nobody has paid on can expire, too."""

    PENDING = "pending"
    EXPIRED = "expired"
    RUNNING = "running"
    ENDED = "ended"


@attrs.frozen
class ForSubscribers:
    """A plan as it is sold: what it costs at Stripe, and what each paid period gives."""

    name: str
    price_id: str
    price_cents: int
    currency: str
    period_ms: int
    # Whether its minutes serve live streams too.
    live: bool


@attrs.frozen
class Subscribed:
    """A subscription after a look at its Session. ``changed``: whether that made it so."""

    id: UUID
    user_id: UUID
    state: PurchaseState
    changed: bool


@attrs.frozen
class Subscriber:
    """How a user's subscription stands; ``status`` is Stripe's own word for that, if any."""

    id: UUID
    user_id: UUID
    plan: str
    state: SubscriptionState = attrs.field(converter=SubscriptionState)
    status: str
    cancels: bool
    period_end: dt.datetime | None
    subscription_id: str | None
    customer_id: str | None

    @property
    def running(self) -> bool:
        """Whether it may bring further invoices, as far as is known."""
        return self.state is SubscriptionState.RUNNING


def begin(
    connection: Connection, subscription_id: UUID, user_id: UUID, plan: ForSubscribers
) -> Buyer | None:
    """Record what is about to be subscribed to; None where there is no such user."""
    buyer = buyer_of(connection, user_id)
    if buyer is None:
        return None
    connection.execute(
        """
        INSERT INTO subscriptions (id, user_id, plan, price_id, period_ms, live)
        VALUES (%s, %s, %s, %s, %s, %s)
        """,
        (subscription_id, user_id, plan.name, plan.price_id, plan.period_ms, plan.live),
    )
    return buyer


def attach(connection: Connection, subscription_id: UUID, session_id: str) -> None:
    """Remember the Session of a subscription."""
    connection.execute(
        """
        UPDATE subscriptions SET checkout_session_id = %s
        WHERE id = %s AND checkout_session_id IS NULL
        """,
        (session_id, subscription_id),
    )


def settle(connection: Connection, session: CheckoutSession) -> Subscribed | None:
    """Record what a Session says of its subscription; None for a Session that is not ours.

    That it is gone through says whose subscription it is. Whether it is paid, its invoices say.
    """
    row = connection.execute(
        """
        SELECT id, user_id, state FROM subscriptions WHERE checkout_session_id = %(session)s
          OR (checkout_session_id IS NULL AND id::text = %(reference)s)
        FOR UPDATE
        """,
        {"session": session.id, "reference": session.client_reference_id},
    ).fetchone()
    if row is None:
        return None
    before = row[2]
    after = before
    if before in {"pending", "expired"}:
        expired = session.state() is PurchaseState.EXPIRED
        after = "running" if session.subscription_id else "expired" if expired else before
    connection.execute(
        """
        UPDATE subscriptions
        SET state = %(state)s, checkout_session_id = %(session)s, looked_at = now(),
            subscription_id = coalesce(subscription_id, %(subscription)s),
            customer_id = coalesce(%(customer)s, customer_id)
        WHERE id = %(id)s
        """,
        {
            "id": row[0],
            "state": after,
            "session": session.id,
            "subscription": session.subscription_id,
            "customer": session.customer_id,
        },
    )
    return Subscribed(row[0], row[1], session.state(), changed=after != before)


def record(connection: Connection, said: Subscription, look: int) -> bool:
    """Record how a subscription stands at Stripe; whether anything of it is new."""
    row = connection.execute(
        """
        UPDATE subscriptions AS s
        SET state = CASE WHEN %(running)s THEN 'running' ELSE 'ended' END,
            status = %(status)s, cancels = %(cancels)s, period_end = %(end)s,
            customer_id = %(customer)s, look = %(look)s, looked_at = now()
        FROM (SELECT id, status, cancels, period_end FROM subscriptions
              WHERE subscription_id = %(id)s FOR UPDATE) AS before
        WHERE s.id = before.id AND s.look < %(look)s
        RETURNING (before.status, before.cancels, before.period_end)
            IS DISTINCT FROM (%(status)s, %(cancels)s, %(end)s::timestamptz)
        """,
        {
            "id": said.id,
            "running": said.running,
            "status": said.status,
            "cancels": said.cancels,
            "end": said.period_end,
            "customer": said.customer_id,
            "look": look,
        },
    ).fetchone()
    return row is not None and bool(row[0])


def lose(connection: Connection, subscription_id: str, look: int) -> None:
    """Stripe doesn't know it (any more), as after a change of the key's mode: it brings nothing."""
    connection.execute(
        """
        UPDATE subscriptions SET state = 'ended', look = %(look)s, looked_at = now()
        WHERE subscription_id = %(id)s AND look < %(look)s
        """,
        {"id": subscription_id, "look": look},
    )


def find(connection: Connection, session_id: str) -> Subscriber | None:
    """A subscription by the Session that began it, whosever it is."""
    row = connection.execute(
        """
        SELECT id, user_id, plan, state, status, cancels, period_end, subscription_id, customer_id
        FROM subscriptions WHERE checkout_session_id = %s
        """,
        (session_id,),
    ).fetchone()
    return None if row is None else Subscriber(*row)


def latest(connection: Connection, user_id: UUID) -> Subscriber | None:
    """A user's subscription that runs, else the last one that did; None where there is none."""
    row = connection.execute(
        """
        SELECT id, user_id, plan, state, status, cancels, period_end, subscription_id, customer_id
        FROM subscriptions
        WHERE user_id = %s AND state IN ('running', 'ended')
        ORDER BY state = 'running' DESC, created_at DESC LIMIT 1
        """,
        (user_id,),
    ).fetchone()
    return None if row is None else Subscriber(*row)


def begun_among(connection: Connection, session_ids: list[str]) -> set[str]:
    """Those of these Sessions whose subscription is known: its invoices say the rest."""
    rows = connection.execute(
        """
        SELECT checkout_session_id FROM subscriptions
        WHERE checkout_session_id = ANY(%s) AND subscription_id IS NOT NULL
        """,
        (session_ids,),
    ).fetchall()
    return {row[0] for row in rows}


def take_waiting(connection: Connection, before: dt.datetime, most: int) -> list[str]:
    """Sessions that nobody has gone through, not looked at since ``before``; longest ago first.

    They count as looked at from here on, whatever Stripe says of them.
    """
    rows = connection.execute(
        """
        UPDATE subscriptions SET looked_at = now()
        WHERE id IN (
            SELECT id FROM subscriptions
            WHERE state = 'pending' AND checkout_session_id IS NOT NULL
                AND (looked_at IS NULL OR looked_at < %s)
            ORDER BY looked_at NULLS FIRST, created_at LIMIT %s FOR UPDATE SKIP LOCKED)
        RETURNING checkout_session_id
        """,
        (before, most),
    ).fetchall()
    return [row[0] for row in rows]


def take_due(connection: Connection, most: int) -> list[str]:
    """Subscriptions that run and are to be looked at: once a day, and hourly once a period is over.

    They count as looked at from here on.
    """
    rows = connection.execute(
        """
        UPDATE subscriptions SET looked_at = now()
        WHERE id IN (
            SELECT id FROM subscriptions
            WHERE state = 'running'
                AND (looked_at IS NULL OR looked_at < now() - '1 day'::interval
                     OR status = ''
                     OR (period_end < now() AND looked_at < now() - '1 hour'::interval))
            ORDER BY looked_at NULLS FIRST, created_at LIMIT %s FOR UPDATE SKIP LOCKED)
        RETURNING subscription_id
        """,
        (most,),
    ).fetchall()
    return [row[0] for row in rows]


def unwanted(connection: Connection, most: int) -> list[str]:
    """Subscriptions of deleted accounts that would renew."""
    rows = connection.execute(
        """
        SELECT s.subscription_id FROM subscriptions AS s JOIN users AS u ON u.id = s.user_id
        WHERE s.state = 'running' AND NOT s.cancels AND u.deleted_at IS NOT NULL LIMIT %s
        """,
        (most,),
    ).fetchall()
    return [row[0] for row in rows]


def expire_unknown(connection: Connection, session_id: str | None = None) -> int:
    """Close what has no Session, or one that Stripe doesn't know, once nobody can go through it."""
    return connection.execute(
        """
        UPDATE subscriptions SET state = 'expired'
        WHERE state = 'pending' AND checkout_session_id IS NOT DISTINCT FROM %s
          AND created_at < now() - make_interval(hours => %s)
        """,
        (session_id, LOST_HOURS),
    ).rowcount
