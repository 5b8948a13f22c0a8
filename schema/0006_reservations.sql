-- Credit that is set aside for what is no live stream: work that waits for its turn holds what it
-- will cost at most. PostgreSQL 14 and later; no extensions.
--
-- For every user, at every commit:
--     reserved_ms = sum of held_ms of open reservations
--     held_ms     = reserved_ms + sum of (held_ms - used_ms) of open sessions
--     0 <= reserved_ms <= held_ms <= balance_ms
-- What is reserved is never shared out to streams, and no daemon's end touches it.

ALTER TABLE credit_balance
    ADD COLUMN reserved_ms bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT credit_balance_holds_cover_reservations
        CHECK (reserved_ms BETWEEN 0 AND held_ms);

CREATE TABLE reservations (
    id         uuid        PRIMARY KEY,
    user_id    uuid        NOT NULL REFERENCES credit_balance (user_id),
    -- What it is for, for people.
    purpose    text        NOT NULL,
    -- What is set aside while it is open, and was until it ended.
    held_ms    bigint      NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at   timestamptz,
    -- What was charged of it when it ended; the rest was given back.
    charged_ms bigint,
    CONSTRAINT reservations_hold_something CHECK (held_ms > 0),
    CONSTRAINT reservations_ended_with_charge CHECK ((ended_at IS NULL) = (charged_ms IS NULL)),
    CONSTRAINT reservations_charge_within_hold CHECK (charged_ms BETWEEN 0 AND held_ms)
);

CREATE INDEX reservations_open ON reservations (user_id) WHERE ended_at IS NULL;

CREATE FUNCTION refuse_reservation_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'reservation % has ended, or would hold something else', OLD.id
        USING ERRCODE = 'restrict_violation';
END;
$$;

CREATE TRIGGER reservations_only_end
    BEFORE UPDATE ON reservations FOR EACH ROW
    WHEN (OLD.ended_at IS NOT NULL OR NEW.held_ms <> OLD.held_ms OR NEW.user_id <> OLD.user_id)
    EXECUTE FUNCTION refuse_reservation_rewrite();

ALTER TABLE reservations ENABLE ALWAYS TRIGGER reservations_only_end;

ALTER TABLE usage_ledger ADD COLUMN reservation_id uuid REFERENCES reservations (id);
CREATE INDEX usage_ledger_by_reservation
    ON usage_ledger (reservation_id) WHERE reservation_id IS NOT NULL;

ALTER TABLE usage_ledger
    DROP CONSTRAINT usage_ledger_kind,
    DROP CONSTRAINT usage_ledger_sign,
    -- New kinds replace these constraints in the migration that brings them.
    ADD CONSTRAINT usage_ledger_kind CHECK (
        kind IN ('session', 'reservation', 'grant', 'adjustment', 'purchase',
                 'refund', 'refund_failed', 'dispute', 'dispute_reinstated')
    ),
    ADD CONSTRAINT usage_ledger_sign CHECK (
        CASE
            WHEN kind IN ('session', 'reservation', 'refund', 'dispute') THEN amount_ms <= 0
            WHEN kind IN ('refund_failed', 'dispute_reinstated') THEN amount_ms >= 0
            WHEN kind IN ('grant', 'purchase') THEN amount_ms > 0
            ELSE amount_ms <> 0
        END
    ),
    ADD CONSTRAINT usage_ledger_reservation CHECK (
        (reservation_id IS NOT NULL) = (kind = 'reservation')
        AND (kind <> 'reservation' OR reference = reservation_id::text)
    );
