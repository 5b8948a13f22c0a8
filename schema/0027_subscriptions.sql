-- Subscriptions: a plan that is paid month by month, through Stripe. PostgreSQL 14 and later; no
-- extensions.
--
-- For every invoice of a subscription, at every commit:
--     granted_ms > 0  <=>  one lot of the source 'invoice' with its id, of so much, until period_end
--     claimed_ms = floor(granted_ms * least(paid_cents, sum of counted_cents) / paid_cents)
--                = claimed_ms of its lot
-- and a user's credit is frozen exactly while a dispute of theirs is open, of whatever they paid.

CREATE TABLE subscriptions (
    id                  uuid        PRIMARY KEY,
    user_id             uuid        NOT NULL REFERENCES credit_balance (user_id),
    -- What was sold, as it was when it was sold: what each paid period gives from then on.
    plan                text        NOT NULL,
    price_id            text        NOT NULL,
    period_ms           bigint      NOT NULL,
    live                boolean     NOT NULL,
    -- pending: nobody has gone through the page. expired: nobody can any more. running, ended: what
    -- Stripe makes of it; status is its own word for that.
    state               text        NOT NULL DEFAULT 'pending',
    status              text        NOT NULL DEFAULT '',
    -- Unknown until Stripe has answered, and the row is there before Stripe is asked.
    checkout_session_id text,
    subscription_id     text,
    customer_id         text,
    -- It ends with its period, and when that is.
    cancels             boolean     NOT NULL DEFAULT false,
    period_end          timestamptz,
    -- Which look at Stripe this is from: an older one never overwrites a newer one.
    look                bigint      NOT NULL DEFAULT 0,
    created_at          timestamptz NOT NULL DEFAULT now(),
    -- When Stripe was last asked about it.
    looked_at           timestamptz,
    CONSTRAINT subscriptions_session_once UNIQUE (checkout_session_id),
    CONSTRAINT subscriptions_once UNIQUE (subscription_id),
    CONSTRAINT subscriptions_state CHECK (state IN ('pending', 'expired', 'running', 'ended')),
    CONSTRAINT subscriptions_begun
        CHECK ((state IN ('running', 'ended')) = (subscription_id IS NOT NULL)),
    CONSTRAINT subscriptions_gives CHECK (period_ms > 0)
);

CREATE INDEX subscriptions_by_user ON subscriptions (user_id, created_at DESC);
CREATE INDEX subscriptions_waiting ON subscriptions (looked_at, created_at)
    WHERE state IN ('pending', 'running');

CREATE TABLE subscription_invoices (
    -- Stripe's own: in_….
    id                text        PRIMARY KEY,
    subscription_id   uuid        NOT NULL REFERENCES subscriptions (id),
    user_id           uuid        NOT NULL REFERENCES credit_balance (user_id),
    -- As Stripe says it; paid is for ever.
    status            text        NOT NULL,
    paid_cents        bigint      NOT NULL DEFAULT 0,
    currency          text        NOT NULL,
    payment_intent_id text,
    -- When what it pays for is over; NULL where it is for no period of the plan.
    period_end        timestamptz,
    -- What was granted for it, and what of that refunds and disputes want back by now.
    granted_ms        bigint      NOT NULL DEFAULT 0,
    claimed_ms        bigint      NOT NULL DEFAULT 0,
    look              bigint      NOT NULL,
    created_at        timestamptz NOT NULL DEFAULT now(),
    -- When it was seen to be paid.
    paid_at           timestamptz,
    looked_at         timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT subscription_invoices_intent_once UNIQUE (payment_intent_id),
    CONSTRAINT subscription_invoices_paid CHECK ((status = 'paid') = (paid_at IS NOT NULL)),
    CONSTRAINT subscription_invoices_granted CHECK (
        granted_ms >= 0 AND paid_cents >= 0
        AND (granted_ms > 0) = (status = 'paid' AND period_end IS NOT NULL)
    ),
    CONSTRAINT subscription_invoices_claimed CHECK (claimed_ms BETWEEN 0 AND granted_ms)
);

CREATE INDEX subscription_invoices_by_user ON subscription_invoices (user_id, created_at DESC);
CREATE INDEX subscription_invoices_recent ON subscription_invoices (paid_at DESC)
    WHERE paid_at IS NOT NULL;
CREATE INDEX subscription_invoices_open ON subscription_invoices (looked_at)
    WHERE status IN ('draft', 'open', 'uncollectible');

-- Refunds and disputes are of a purchase or of an invoice.
ALTER TABLE purchase_reversals
    ALTER COLUMN purchase_id DROP NOT NULL,
    ADD COLUMN invoice_id text REFERENCES subscription_invoices (id),
    ADD CONSTRAINT purchase_reversals_of_one CHECK (num_nonnulls(purchase_id, invoice_id) = 1);

CREATE INDEX purchase_reversals_by_invoice ON purchase_reversals (invoice_id)
    WHERE invoice_id IS NOT NULL;
