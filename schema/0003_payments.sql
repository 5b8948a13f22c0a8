-- Money in: what was bought through Stripe, what was taken back, and what is still to be done.
-- PostgreSQL 14 and later; no extensions.
--
-- For every purchase, at every commit:
--     paid       <=> one entry of kind 'purchase' in usage_ledger, of its seconds
--     clawed_back_ms = floor(seconds * 1000 * least(price_cents, sum of counted_cents) / price_cents)
--                    = what its entries of kind refund, refund_failed, dispute and
--                      dispute_reinstated took, taken together
-- and a user's credit is frozen exactly while a dispute of theirs is open.

-- A dispute that is open: nothing can be spent, what is there stays.
ALTER TABLE credit_balance ADD COLUMN frozen_since timestamptz;

CREATE TABLE purchases (
    id                  uuid        PRIMARY KEY,
    user_id             uuid        NOT NULL REFERENCES credit_balance (user_id),
    -- What was sold, as it was when it was sold: never read from Stripe.
    package_id          text        NOT NULL,
    label               text        NOT NULL,
    seconds             bigint      NOT NULL,
    price_cents         bigint      NOT NULL,
    currency            text        NOT NULL,
    status              text        NOT NULL DEFAULT 'pending',
    -- Unknown until Stripe has answered, and the row is there before Stripe is asked.
    checkout_session_id text,
    payment_intent_id   text,
    clawed_back_ms      bigint      NOT NULL DEFAULT 0,
    created_at          timestamptz NOT NULL DEFAULT now(),
    -- When it became what its status says.
    settled_at          timestamptz,
    -- When Stripe was last asked about it.
    looked_at           timestamptz,
    CONSTRAINT purchases_session_once UNIQUE (checkout_session_id),
    CONSTRAINT purchases_intent_once UNIQUE (payment_intent_id),
    CONSTRAINT purchases_status CHECK (status IN ('pending', 'paid', 'failed', 'expired')),
    CONSTRAINT purchases_settled CHECK ((status = 'pending') = (settled_at IS NULL)),
    CONSTRAINT purchases_sells CHECK (seconds > 0 AND price_cents > 0),
    CONSTRAINT purchases_clawed_back CHECK (clawed_back_ms BETWEEN 0 AND seconds * 1000),
    CONSTRAINT purchases_clawed_back_of_paid CHECK (clawed_back_ms = 0 OR status = 'paid')
);

CREATE INDEX purchases_by_user ON purchases (user_id, created_at DESC);
CREATE INDEX purchases_pending ON purchases (looked_at, created_at) WHERE status = 'pending';
CREATE INDEX purchases_recent ON purchases (created_at DESC);

-- Refunds and disputes. Their whole history is in their present state: how much of the price
-- they take back now.
CREATE TABLE purchase_reversals (
    -- Stripe's own: re_… or dp_….
    id            text        PRIMARY KEY,
    kind          text        NOT NULL,
    purchase_id   uuid        NOT NULL REFERENCES purchases (id),
    amount_cents  bigint      NOT NULL,
    -- What of the price is gone because of it: all of it or nothing.
    counted_cents bigint      NOT NULL DEFAULT 0,
    -- Of a dispute: nobody has decided yet, and the user's credit is frozen.
    open          boolean     NOT NULL DEFAULT false,
    -- As Stripe says it.
    status        text        NOT NULL,
    -- How often counted_cents changed: names the entries of the ledger.
    bookings      integer     NOT NULL DEFAULT 0,
    -- Which look at Stripe this is from: an older one never overwrites a newer one.
    look          bigint      NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    changed_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT purchase_reversals_kind CHECK (kind IN ('refund', 'dispute')),
    CONSTRAINT purchase_reversals_amounts
        CHECK (amount_cents >= 0 AND counted_cents IN (0, amount_cents)),
    CONSTRAINT purchase_reversals_only_disputes_freeze CHECK (NOT open OR kind = 'dispute')
);

CREATE INDEX purchase_reversals_by_purchase ON purchase_reversals (purchase_id);
CREATE INDEX purchase_reversals_unsettled ON purchase_reversals (changed_at)
    WHERE open OR status IN ('pending', 'requires_action');

-- Numbers the looks at Stripe, taken before looking.
CREATE SEQUENCE stripe_looks AS bigint;

-- Messages of Stripe that were taken and are to be worked on. Neither names nor addresses stand
-- in them: the object is fetched again anyway.
CREATE TABLE stripe_events (
    event_id        text        PRIMARY KEY,
    type            text        NOT NULL,
    object_id       text        NOT NULL,
    -- What only the message says, such as the code of a failure.
    detail          text        NOT NULL DEFAULT '',
    received_at     timestamptz NOT NULL DEFAULT now(),
    attempts        integer     NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    -- Done, or given up: then outcome says why.
    processed_at    timestamptz,
    outcome         text,
    CONSTRAINT stripe_events_outcome CHECK ((processed_at IS NULL) = (outcome IS NULL))
);

CREATE INDEX stripe_events_due ON stripe_events (next_attempt_at) WHERE processed_at IS NULL;
CREATE INDEX stripe_events_processed ON stripe_events (processed_at)
    WHERE processed_at IS NOT NULL;

-- Every user is to have a customer at Stripe; the row is there from the registration's own
-- transaction on.
CREATE TABLE stripe_customers (
    user_id         uuid        PRIMARY KEY REFERENCES users (id),
    customer_id     text,
    attempts        integer     NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT stripe_customers_once UNIQUE (customer_id)
);

CREATE INDEX stripe_customers_due ON stripe_customers (next_attempt_at)
    WHERE customer_id IS NULL;

INSERT INTO stripe_customers (user_id) SELECT id FROM users;

CREATE FUNCTION want_stripe_customer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO stripe_customers (user_id) VALUES (NEW.id);
    RETURN NULL;
END;
$$;

CREATE TRIGGER users_want_stripe_customer
    AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION want_stripe_customer();

-- Comparisons with Stripe's lists: from where the next one has to begin.
CREATE TABLE reconciliations (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    started_at  timestamptz NOT NULL,
    since       timestamptz NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT now(),
    corrected   integer     NOT NULL
);

CREATE INDEX reconciliations_finished ON reconciliations (finished_at);

ALTER TABLE usage_ledger ADD COLUMN purchase_id uuid REFERENCES purchases (id);
CREATE INDEX usage_ledger_by_purchase ON usage_ledger (purchase_id) WHERE purchase_id IS NOT NULL;

ALTER TABLE usage_ledger
    DROP CONSTRAINT usage_ledger_kind,
    DROP CONSTRAINT usage_ledger_sign,
    -- New kinds replace these constraints in the migration that brings them.
    ADD CONSTRAINT usage_ledger_kind CHECK (
        kind IN ('session', 'grant', 'adjustment', 'purchase',
                 'refund', 'refund_failed', 'dispute', 'dispute_reinstated')
    ),
    -- A reversal may come to nothing: the money was taken back before by another.
    ADD CONSTRAINT usage_ledger_sign CHECK (
        CASE
            WHEN kind IN ('session', 'refund', 'dispute') THEN amount_ms <= 0
            WHEN kind IN ('refund_failed', 'dispute_reinstated') THEN amount_ms >= 0
            WHEN kind IN ('grant', 'purchase') THEN amount_ms > 0
            ELSE amount_ms <> 0
        END
    ),
    ADD CONSTRAINT usage_ledger_purchase CHECK (
        (purchase_id IS NOT NULL)
        = (kind IN ('purchase', 'refund', 'refund_failed', 'dispute', 'dispute_reinstated'))
        AND (kind <> 'purchase' OR reference = purchase_id::text)
    );
