-- Credit that runs out: the minutes of a plan are lots, each with an end. PostgreSQL 14 and later; no
-- extensions.
--
-- For every user, at every commit, with used_ms of open sessions counted in:
--     sum of remaining_ms of their lots <= balance_ms + sum of used_ms of open sessions
-- and what is beside the lots never runs out. A lot changes when it is granted, when something that
-- used it is settled, when a refund takes it back, and when it runs out; renewals leave it alone.
--
-- For every lot, at every commit:
--     remaining_ms = amount_ms - spent_ms - expired_ms - taken_ms >= 0
--     entries of kind 'lot' = amount_ms,  of kind 'expiry' = -expired_ms
--     entries of kind 'takeback' and 'giveback' = -(taken_ms + owed_ms)
--     owed_ms = greatest(spent_ms - (amount_ms - claimed_ms), 0),  taken_ms + owed_ms <= claimed_ms

CREATE TABLE credit_lots (
    id           uuid        PRIMARY KEY,
    -- Of lots that run out together, the first that was granted is spent first.
    number       bigint      GENERATED ALWAYS AS IDENTITY,
    user_id      uuid        NOT NULL REFERENCES credit_balance (user_id),
    -- What it was granted for, and which of these, so that nothing is granted twice.
    source       text        NOT NULL,
    source_id    text        NOT NULL,
    -- The plan that it belongs to; empty where it belongs to none.
    plan         text        NOT NULL DEFAULT '',
    amount_ms    bigint      NOT NULL,
    -- Whether live streams may use it too, and not recordings alone.
    live         boolean     NOT NULL,
    expires_at   timestamptz NOT NULL,
    -- What was used of it, or paid a debt.
    spent_ms     bigint      NOT NULL DEFAULT 0,
    expired_ms   bigint      NOT NULL DEFAULT 0,
    -- What refunds want back by now; what of that was taken out of the lot, and what had been spent
    -- and was taken from other credit, or stands as debt.
    claimed_ms   bigint      NOT NULL DEFAULT 0,
    taken_ms     bigint      NOT NULL DEFAULT 0,
    owed_ms      bigint      NOT NULL DEFAULT 0,
    remaining_ms bigint      GENERATED ALWAYS AS
        (amount_ms - spent_ms - expired_ms - taken_ms) STORED,
    -- How many entries it has beside the first: names them.
    bookings     integer     NOT NULL DEFAULT 0,
    created_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT credit_lots_once UNIQUE (source, source_id),
    CONSTRAINT credit_lots_something CHECK (amount_ms > 0),
    CONSTRAINT credit_lots_not_negative CHECK (spent_ms >= 0 AND expired_ms >= 0 AND taken_ms >= 0),
    CONSTRAINT credit_lots_not_overdrawn CHECK (remaining_ms >= 0),
    CONSTRAINT credit_lots_claimed CHECK (claimed_ms BETWEEN 0 AND amount_ms),
    CONSTRAINT credit_lots_taken CHECK (taken_ms + owed_ms <= claimed_ms),
    CONSTRAINT credit_lots_owed CHECK (owed_ms = greatest(spent_ms - (amount_ms - claimed_ms), 0))
) WITH (fillfactor = 70);

-- Those that can still be spent, in the order in which they are.
CREATE INDEX credit_lots_left ON credit_lots (user_id, expires_at, number) WHERE remaining_ms > 0;
CREATE INDEX credit_lots_by_user ON credit_lots (user_id, number);

-- What a lot is stays as it was granted; only what becomes of it changes.
CREATE FUNCTION refuse_lot_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'lot % would become another one', OLD.id
        USING ERRCODE = 'restrict_violation';
END;
$$;

CREATE TRIGGER credit_lots_stay
    BEFORE UPDATE ON credit_lots FOR EACH ROW
    WHEN (
        (NEW.id, NEW.user_id, NEW.source, NEW.source_id, NEW.plan, NEW.amount_ms, NEW.live,
         NEW.expires_at)
        IS DISTINCT FROM
        (OLD.id, OLD.user_id, OLD.source, OLD.source_id, OLD.plan, OLD.amount_ms, OLD.live,
         OLD.expires_at)
        OR NEW.spent_ms < OLD.spent_ms OR NEW.expired_ms < OLD.expired_ms
    )
    EXECUTE FUNCTION refuse_lot_rewrite();

ALTER TABLE credit_lots ENABLE ALWAYS TRIGGER credit_lots_stay;

ALTER TABLE credit_balance
    -- Of what lots have left: for recordings alone.
    ADD COLUMN lots_batch_ms bigint NOT NULL DEFAULT 0,
    -- When a lot has to be looked at: the end of the one that runs out first, or at once, while a
    -- hold keeps from a refund what it wants back. NULL where no lot has anything left.
    ADD COLUMN lots_due_at   timestamptz,
    ADD CONSTRAINT credit_balance_lots_not_negative CHECK (lots_batch_ms >= 0),
    ADD CONSTRAINT credit_balance_lots_known CHECK (lots_batch_ms = 0 OR lots_due_at IS NOT NULL),
    -- What live streams hold is never the credit of recordings.
    ADD CONSTRAINT credit_balance_streams_beside_lots
        CHECK (held_ms - reserved_ms <= balance_ms - lots_batch_ms);

CREATE INDEX credit_balance_lots_due ON credit_balance (lots_due_at) WHERE lots_due_at IS NOT NULL;

ALTER TABLE usage_ledger ADD COLUMN lot_id uuid REFERENCES credit_lots (id);
CREATE INDEX usage_ledger_by_lot ON usage_ledger (lot_id) WHERE lot_id IS NOT NULL;

ALTER TABLE usage_ledger
    DROP CONSTRAINT usage_ledger_kind,
    DROP CONSTRAINT usage_ledger_sign,
    -- New kinds replace these constraints in the migration that brings them.
    ADD CONSTRAINT usage_ledger_kind CHECK (
        kind IN ('session', 'reservation', 'grant', 'adjustment', 'purchase',
                 'refund', 'refund_failed', 'dispute', 'dispute_reinstated',
                 'lot', 'expiry', 'takeback', 'giveback')
    ),
    ADD CONSTRAINT usage_ledger_sign CHECK (
        CASE
            WHEN kind IN ('session', 'reservation', 'refund', 'dispute') THEN amount_ms <= 0
            WHEN kind IN ('refund_failed', 'dispute_reinstated') THEN amount_ms >= 0
            WHEN kind IN ('grant', 'purchase', 'lot', 'giveback') THEN amount_ms > 0
            WHEN kind IN ('expiry', 'takeback') THEN amount_ms < 0
            ELSE amount_ms <> 0
        END
    ),
    ADD CONSTRAINT usage_ledger_lot CHECK (
        (lot_id IS NOT NULL) = (kind IN ('lot', 'expiry', 'takeback', 'giveback'))
        AND (kind <> 'lot' OR reference = lot_id::text)
    );

-- What runs out is shown beside what was used and credited.
ALTER TABLE daily_usage
    ADD COLUMN expired_ms bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT daily_usage_expired_not_negative CHECK (expired_ms >= 0);

CREATE OR REPLACE FUNCTION add_daily_usage() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    used     bigint := 0;
    credited bigint := 0;
    expired  bigint := 0;
BEGIN
    IF NEW.kind IN ('session', 'reservation') THEN
        used := -NEW.amount_ms;
    ELSIF NEW.kind = 'expiry' THEN
        expired := -NEW.amount_ms;
    ELSIF NEW.amount_ms > 0 AND NEW.kind IN ('grant', 'adjustment', 'purchase', 'lot') THEN
        credited := NEW.amount_ms;
    END IF;
    IF used > 0 OR credited > 0 OR expired > 0 THEN
        INSERT INTO daily_usage AS d (user_id, day, used_ms, credited_ms, expired_ms)
        VALUES (NEW.user_id, (NEW.created_at AT TIME ZONE 'UTC')::date, used, credited, expired)
        ON CONFLICT (user_id, day) DO UPDATE
        SET used_ms = d.used_ms + excluded.used_ms,
            credited_ms = d.credited_ms + excluded.credited_ms,
            expired_ms = d.expired_ms + excluded.expired_ms;
    END IF;
    RETURN NULL;
END;
$$;
