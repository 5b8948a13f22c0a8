"""The identities of the ledger as queries that return the rows at fault; none means balanced.

They run in one snapshot, so live traffic beside them changes nothing: every transaction of
the ledger keeps all identities true at its commit.
"""

from typing import Final, LiteralString

import psycopg
from psycopg.rows import dict_row

from relayd.database.ports import Connection
from relayd.ledger.outcomes import Discrepancy

__all__ = ["RULES", "audit"]

# Rows shown of each rule: a broken total is seen from the first few.
MOST: Final = 100

RULES: Final[dict[str, LiteralString]] = {
    "balance = entries + debt - used of open sessions": """
        SELECT b.user_id, b.balance_ms, b.debt_ms, e.entries_ms, s.used_open_ms
        FROM credit_balance AS b
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(amount_ms), 0)::bigint AS entries_ms
            FROM usage_ledger WHERE user_id = b.user_id) AS e
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(used_ms), 0)::bigint AS used_open_ms
            FROM transcription_sessions WHERE user_id = b.user_id AND ended_at IS NULL) AS s
        WHERE b.balance_ms <> e.entries_ms + b.debt_ms - s.used_open_ms
    """,
    "held = reserved + unused holds of open sessions": """
        SELECT b.user_id, b.held_ms, b.reserved_ms, s.unused_ms
        FROM credit_balance AS b
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(held_ms - used_ms), 0)::bigint AS unused_ms
            FROM transcription_sessions WHERE user_id = b.user_id AND ended_at IS NULL) AS s
        WHERE b.held_ms <> b.reserved_ms + s.unused_ms
    """,
    "reserved = holds of open reservations": """
        SELECT b.user_id, b.reserved_ms, r.open_ms
        FROM credit_balance AS b
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(held_ms), 0)::bigint AS open_ms
            FROM reservations WHERE user_id = b.user_id AND ended_at IS NULL) AS r
        WHERE b.reserved_ms <> r.open_ms
    """,
    "0 <= reserved <= held <= balance, and credit is free only without debt": """
        SELECT user_id, balance_ms, held_ms, reserved_ms, debt_ms FROM credit_balance
        WHERE NOT (held_ms BETWEEN 0 AND balance_ms AND reserved_ms BETWEEN 0 AND held_ms)
           OR debt_ms < 0 OR (debt_ms > 0 AND balance_ms > held_ms)
    """,
    "0 <= used <= held of every session, nothing held after its end": """
        SELECT id AS session_id, user_id, used_ms, held_ms, ended_at FROM transcription_sessions
        WHERE NOT (used_ms BETWEEN 0 AND held_ms) OR (ended_at IS NOT NULL AND held_ms > used_ms)
    """,
    "one entry per ended session, equal to what it admitted": """
        SELECT s.id AS session_id, s.user_id, s.used_ms, s.ended_at,
               count(e.id) AS entries, coalesce(sum(e.amount_ms), 0)::bigint AS entries_ms
        FROM transcription_sessions AS s
        LEFT JOIN usage_ledger AS e ON e.session_id = s.id
        GROUP BY s.id
        HAVING count(e.id) <> CASE WHEN s.ended_at IS NULL THEN 0 ELSE 1 END
            OR (s.ended_at IS NOT NULL AND sum(e.amount_ms) <> -s.used_ms)
            OR bool_or(e.user_id <> s.user_id)
    """,
    "what a session cost with each of its engines is what it cost": """
        SELECT s.id AS session_id, s.user_id, s.used_ms, s.ended_at,
               sum(h.charged_ms)::bigint AS with_engines_ms
        FROM session_engines AS h JOIN transcription_sessions AS s ON s.id = h.session_id
        GROUP BY s.id
        HAVING s.ended_at IS NULL OR sum(h.charged_ms) <> s.used_ms
    """,
    "one entry per ended reservation, equal to what was charged of its hold": """
        SELECT r.id AS reservation_id, r.user_id, r.held_ms, r.charged_ms, r.ended_at,
               count(e.id) AS entries, coalesce(sum(e.amount_ms), 0)::bigint AS entries_ms
        FROM reservations AS r
        LEFT JOIN usage_ledger AS e ON e.reservation_id = r.id
        GROUP BY r.id
        HAVING count(e.id) <> CASE WHEN r.ended_at IS NULL THEN 0 ELSE 1 END
            OR (r.ended_at IS NOT NULL AND sum(e.amount_ms) <> -r.charged_ms)
            OR NOT (r.charged_ms BETWEEN 0 AND r.held_ms)
            OR bool_or(e.user_id <> r.user_id)
    """,
    "a job holds its reservation while it waits or runs, and costs what was charged of it": """
        SELECT t.id AS transcription_id, t.user_id, t.state, t.hold_ms, t.charged_ms,
               r.held_ms AS reserved_ms, r.charged_ms AS settled_ms, r.ended_at AS settled_at
        FROM transcriptions AS t LEFT JOIN reservations AS r ON r.id = t.id
        WHERE CASE
            WHEN t.queued_at IS NULL OR t.hold_ms = 0 THEN
                r.id IS NOT NULL OR coalesce(t.charged_ms, 0) <> 0
            ELSE r.id IS NULL OR r.user_id <> t.user_id OR r.held_ms <> t.hold_ms
                OR (r.ended_at IS NULL) <> (t.state IN ('queued', 'running', 'cancelling'))
                OR r.charged_ms IS DISTINCT FROM t.charged_ms
        END
    """,
    "a lane counts the jobs that are in it": """
        SELECT user_id, l.queued, l.queued_ms, l.delayed, l.running, l.running_max,
               j.queued AS jobs_queued, j.queued_ms AS jobs_queued_ms,
               j.delayed AS jobs_delayed, j.running AS jobs_running
        FROM lanes AS l FULL JOIN (
            SELECT user_id,
                   count(*) FILTER (WHERE state = 'queued' AND NOT delayed) AS queued,
                   coalesce(sum(measured_ms) FILTER (WHERE state = 'queued' AND NOT delayed),
                            0)::bigint AS queued_ms,
                   count(*) FILTER (WHERE state = 'queued' AND delayed) AS delayed,
                   count(*) FILTER (WHERE state IN ('running', 'cancelling')) AS running
            FROM transcriptions WHERE state IN ('queued', 'running', 'cancelling')
            GROUP BY user_id) AS j USING (user_id)
        WHERE (coalesce(l.queued, 0), coalesce(l.queued_ms, 0), coalesce(l.delayed, 0),
               coalesce(l.running, 0))
           <> (coalesce(j.queued, 0), coalesce(j.queued_ms, 0), coalesce(j.delayed, 0),
               coalesce(j.running, 0))
    """,
    "one entry per paid purchase, of its seconds, and none without": """
        SELECT p.id AS purchase_id, p.user_id, p.status, p.seconds,
               count(e.id) AS entries, coalesce(sum(e.amount_ms), 0)::bigint AS entries_ms
        FROM purchases AS p
        LEFT JOIN usage_ledger AS e ON e.purchase_id = p.id AND e.kind = 'purchase'
        GROUP BY p.id
        HAVING count(e.id) <> CASE WHEN p.status = 'paid' THEN 1 ELSE 0 END
            OR (p.status = 'paid' AND sum(e.amount_ms) <> p.seconds * 1000)
            OR bool_or(e.user_id <> p.user_id)
    """,
    "taken back in proportion to the price, as booked, never more than sold": """
        SELECT p.id AS purchase_id, p.user_id, p.clawed_back_ms, r.counted_cents, e.entries_ms
        FROM purchases AS p
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(counted_cents), 0)::bigint AS counted_cents
            FROM purchase_reversals WHERE purchase_id = p.id) AS r
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(amount_ms), 0)::bigint AS entries_ms FROM usage_ledger
            WHERE purchase_id = p.id AND kind <> 'purchase') AS e
        WHERE p.clawed_back_ms <> -e.entries_ms
           OR NOT (p.clawed_back_ms BETWEEN 0 AND p.seconds * 1000)
           OR (p.status = 'paid' AND p.clawed_back_ms <> div(
                  p.seconds::numeric * 1000 * least(p.price_cents, r.counted_cents),
                  p.price_cents))
    """,
    "one lot per paid invoice, of its minutes until its period's end, and none without": """
        SELECT i.id AS invoice_id, l.source_id, i.user_id, i.status, i.granted_ms, i.claimed_ms,
               i.period_end::text AS period_end, l.user_id AS lot_user_id, l.amount_ms,
               l.claimed_ms AS lot_claimed_ms, l.expires_at::text AS expires_at
        FROM (SELECT * FROM subscription_invoices WHERE granted_ms > 0) AS i
        FULL JOIN (SELECT * FROM credit_lots WHERE source = 'invoice') AS l ON l.source_id = i.id
        WHERE (i.user_id, i.granted_ms, i.claimed_ms, i.period_end)
            IS DISTINCT FROM (l.user_id, l.amount_ms, l.claimed_ms, l.expires_at)
    """,
    "wanted back in proportion to what an invoice cost, never more than it gave": """
        SELECT i.id AS invoice_id, i.user_id, i.granted_ms, i.claimed_ms, i.paid_cents,
               r.counted_cents
        FROM subscription_invoices AS i
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(counted_cents), 0)::bigint AS counted_cents
            FROM purchase_reversals WHERE invoice_id = i.id) AS r
        WHERE i.claimed_ms <> CASE WHEN i.paid_cents > 0 THEN div(
            i.granted_ms::numeric * least(i.paid_cents, r.counted_cents), i.paid_cents) ELSE 0 END
    """,
    "frozen exactly while a dispute is open": """
        SELECT b.user_id, b.frozen_since, d.open_disputes
        FROM credit_balance AS b
        CROSS JOIN LATERAL (
            SELECT count(*) AS open_disputes
            FROM purchase_reversals AS r
            LEFT JOIN purchases AS p ON p.id = r.purchase_id
            LEFT JOIN subscription_invoices AS i ON i.id = r.invoice_id
            WHERE r.open AND b.user_id IN (p.user_id, i.user_id)) AS d
        WHERE (b.frozen_since IS NOT NULL) <> (d.open_disputes > 0)
    """,
    "daily sums = the entries of each day": """
        SELECT user_id, day, d.used_ms, d.credited_ms, d.expired_ms,
               e.booked_used_ms, e.booked_credited_ms, e.booked_expired_ms
        FROM daily_usage AS d FULL JOIN (
            SELECT user_id, (created_at AT TIME ZONE 'UTC')::date AS day,
                   sum(CASE WHEN kind IN ('session', 'reservation') THEN -amount_ms ELSE 0 END)
                       ::bigint AS booked_used_ms,
                   sum(CASE WHEN amount_ms > 0
                        AND kind IN ('grant', 'adjustment', 'purchase', 'lot')
                       THEN amount_ms ELSE 0 END)::bigint AS booked_credited_ms,
                   sum(CASE WHEN kind = 'expiry' THEN -amount_ms ELSE 0 END)
                       ::bigint AS booked_expired_ms
            FROM usage_ledger GROUP BY 1, 2) AS e USING (user_id, day)
        WHERE coalesce(d.used_ms, 0) <> coalesce(e.booked_used_ms, 0)
           OR coalesce(d.credited_ms, 0) <> coalesce(e.booked_credited_ms, 0)
           OR coalesce(d.expired_ms, 0) <> coalesce(e.booked_expired_ms, 0)
    """,
    "what is left of lots <= balance + used of open sessions, as the balance knows it": """
        SELECT b.user_id, b.balance_ms, s.used_open_ms, l.left_ms, b.lots_batch_ms, l.batch_ms,
               b.lots_due_at::text AS lots_due_at, l.due_at::text AS due_at
        FROM credit_balance AS b
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(remaining_ms), 0)::bigint AS left_ms,
                   coalesce(sum(remaining_ms) FILTER (WHERE NOT live), 0)::bigint AS batch_ms,
                   min(CASE WHEN remaining_ms > greatest(amount_ms - claimed_ms - spent_ms, 0)
                       THEN '-infinity' ELSE expires_at END) AS due_at
            FROM credit_lots WHERE user_id = b.user_id AND remaining_ms > 0) AS l
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(used_ms), 0)::bigint AS used_open_ms
            FROM transcription_sessions WHERE user_id = b.user_id AND ended_at IS NULL) AS s
        WHERE l.left_ms > b.balance_ms + s.used_open_ms OR b.lots_batch_ms <> l.batch_ms
           OR b.lots_due_at IS DISTINCT FROM l.due_at
           OR b.held_ms - b.reserved_ms > b.balance_ms - b.lots_batch_ms
    """,
    "a lot is what was granted, less what was spent, ran out and was taken back, as booked": """
        SELECT l.id AS lot_id, l.user_id, l.amount_ms, l.spent_ms, l.expired_ms, l.claimed_ms,
               l.taken_ms, l.owed_ms, l.remaining_ms, e.granted_ms, e.ran_out_ms, e.taken_back_ms
        FROM credit_lots AS l
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(amount_ms) FILTER (WHERE kind = 'lot'), 0)::bigint AS granted_ms,
                   coalesce(-sum(amount_ms) FILTER (WHERE kind = 'expiry'), 0)::bigint
                       AS ran_out_ms,
                   coalesce(-sum(amount_ms) FILTER (WHERE kind IN ('takeback', 'giveback')), 0)
                       ::bigint AS taken_back_ms,
                   bool_or(user_id <> l.user_id) AS of_others
            FROM usage_ledger WHERE lot_id = l.id) AS e
        WHERE l.remaining_ms <> l.amount_ms - l.spent_ms - l.expired_ms - l.taken_ms
           OR l.remaining_ms < 0 OR e.of_others
           OR e.granted_ms <> l.amount_ms OR e.ran_out_ms <> l.expired_ms
           OR e.taken_back_ms <> l.taken_ms + l.owed_ms
           OR l.taken_ms + l.owed_ms > l.claimed_ms
           OR l.owed_ms <> greatest(l.spent_ms - (l.amount_ms - l.claimed_ms), 0)
    """,
    "what refunds want back of lots is taken, or held": """
        SELECT b.user_id, b.held_ms, s.used_open_ms, l.wanted_ms
        FROM credit_balance AS b
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(greatest(remaining_ms
                       - greatest(amount_ms - claimed_ms - spent_ms, 0), 0)), 0)::bigint
                       AS wanted_ms
            FROM credit_lots WHERE user_id = b.user_id AND remaining_ms > 0) AS l
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(used_ms), 0)::bigint AS used_open_ms
            FROM transcription_sessions WHERE user_id = b.user_id AND ended_at IS NULL) AS s
        WHERE l.wanted_ms > greatest(b.held_ms, 0) + s.used_open_ms
    """,
    "what lots lost was used, or paid a debt": """
        SELECT user_id, l.spent_ms, e.used_ms, e.taken_ms FROM (
            SELECT user_id, sum(spent_ms)::bigint AS spent_ms FROM credit_lots GROUP BY user_id
        ) AS l LEFT JOIN (
            SELECT user_id,
                   sum(CASE WHEN kind IN ('session', 'reservation') THEN -amount_ms ELSE 0 END)
                       ::bigint AS used_ms,
                   sum(CASE WHEN kind NOT IN ('session', 'reservation', 'expiry')
                       THEN greatest(-amount_ms, 0) ELSE 0 END)::bigint AS taken_ms
            FROM usage_ledger GROUP BY user_id) AS e USING (user_id)
        WHERE l.spent_ms > coalesce(e.used_ms, 0) + coalesce(e.taken_ms, 0)
    """,
    "no entry is booked twice": """
        SELECT kind, reference, count(*) AS entries FROM usage_ledger
        GROUP BY kind, reference HAVING count(*) > 1
    """,
}


def audit(connection: Connection) -> tuple[Discrepancy, ...]:
    """Check every identity in one snapshot. Nothing found means that the books balance.

    It must be the first thing its transaction does, since a snapshot can't be had later.
    """
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    # Sums over whole tables: the deadline of a session's statement is not meant for this.
    connection.execute("SELECT set_config('statement_timeout', '10min', true)")
    return tuple(
        Discrepancy(rule, row) for rule, query in RULES.items() for row in _rows(connection, query)
    )


def _rows(connection: Connection, query: LiteralString) -> list[dict[str, object]]:
    with psycopg.Cursor(connection, row_factory=dict_row) as cursor:
        return cursor.execute(query).fetchmany(MOST)
