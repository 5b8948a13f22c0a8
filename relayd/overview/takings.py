"""Money in, by day (UTC) and currency: what was paid, and what refunds and disputes took back."""

import datetime as dt

import attrs

from relayd.database.ports import Connection

__all__ = ["Takings", "takings"]


@attrs.frozen
class Takings:
    """What was paid on one day in one currency, in its smallest unit: for packages and for plans.

    ``taken_back_cents``: by refunds and lost or open disputes, on the day that they began.
    """

    day: dt.date
    currency: str
    purchases: int
    paid_cents: int
    taken_back_cents: int
    sold_seconds: int


def takings(connection: Connection, since: dt.date) -> list[Takings]:
    """From this day on; the latest day last."""
    rows = connection.execute(
        """
        SELECT day, currency, sum(purchases)::bigint, sum(paid)::bigint, sum(back)::bigint,
               sum(seconds)::bigint
        FROM (
            SELECT (settled_at AT TIME ZONE 'UTC')::date AS day, currency, 1 AS purchases,
                   price_cents AS paid, 0 AS back, seconds
            FROM purchases WHERE status = 'paid' AND settled_at >= %(since)s
            UNION ALL
            SELECT (paid_at AT TIME ZONE 'UTC')::date, currency, 1, paid_cents, 0,
                   granted_ms / 1000
            FROM subscription_invoices WHERE paid_at >= %(since)s
            UNION ALL
            SELECT (r.created_at AT TIME ZONE 'UTC')::date, coalesce(p.currency, i.currency), 0, 0,
                   r.counted_cents, 0
            FROM purchase_reversals AS r
            LEFT JOIN purchases AS p ON p.id = r.purchase_id
            LEFT JOIN subscription_invoices AS i ON i.id = r.invoice_id
            WHERE r.counted_cents > 0 AND r.created_at >= %(since)s
        ) AS each
        GROUP BY day, currency ORDER BY day, currency
        """,
        {"since": dt.datetime.combine(since, dt.time(), dt.UTC)},
    ).fetchall()
    return [Takings(*row) for row in rows]
