-- What each user used and was credited, day by day, so that nobody adds up a year of entries to show
-- a month. PostgreSQL 14 and later; no extensions.
--
-- For every user and day (UTC), at every commit:
--     used_ms     = what entries of sessions and reservations took
--     credited_ms = what grants, purchases and corrections gave; what came back after a failed refund
--                   or a won dispute was credited before

CREATE TABLE daily_usage (
    user_id     uuid   NOT NULL REFERENCES credit_balance (user_id),
    day         date   NOT NULL,
    used_ms     bigint NOT NULL,
    credited_ms bigint NOT NULL,
    PRIMARY KEY (user_id, day),
    CONSTRAINT daily_usage_not_negative CHECK (used_ms >= 0 AND credited_ms >= 0)
) WITH (fillfactor = 70);

-- In the entry's own transaction, whoever books it. The user's balance is locked by then, so that no
-- two transactions change a row of one user.
CREATE FUNCTION add_daily_usage() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    used     bigint := 0;
    credited bigint := 0;
BEGIN
    IF NEW.kind IN ('session', 'reservation') THEN
        used := -NEW.amount_ms;
    ELSIF NEW.amount_ms > 0 AND NEW.kind IN ('grant', 'adjustment', 'purchase') THEN
        credited := NEW.amount_ms;
    END IF;
    IF used > 0 OR credited > 0 THEN
        INSERT INTO daily_usage AS d (user_id, day, used_ms, credited_ms)
        VALUES (NEW.user_id, (NEW.created_at AT TIME ZONE 'UTC')::date, used, credited)
        ON CONFLICT (user_id, day) DO UPDATE
        SET used_ms = d.used_ms + excluded.used_ms,
            credited_ms = d.credited_ms + excluded.credited_ms;
    END IF;
    RETURN NULL;
END;
$$;

-- Making it waits for who is booking, and keeps others from it until this is committed: nothing is
-- missed between the trigger and the sums below.
CREATE TRIGGER usage_ledger_adds_up
    AFTER INSERT ON usage_ledger FOR EACH ROW EXECUTE FUNCTION add_daily_usage();

ALTER TABLE usage_ledger ENABLE ALWAYS TRIGGER usage_ledger_adds_up;

INSERT INTO daily_usage (user_id, day, used_ms, credited_ms)
SELECT user_id, (created_at AT TIME ZONE 'UTC')::date,
       coalesce(-sum(amount_ms) FILTER (WHERE kind IN ('session', 'reservation')), 0),
       coalesce(sum(amount_ms) FILTER (
           WHERE amount_ms > 0 AND kind IN ('grant', 'adjustment', 'purchase')), 0)
FROM usage_ledger
WHERE kind IN ('session', 'reservation')
   OR (amount_ms > 0 AND kind IN ('grant', 'adjustment', 'purchase'))
GROUP BY 1, 2;
