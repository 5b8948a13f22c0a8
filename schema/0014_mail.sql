-- Mail to users: what waits to be sent, links that are good for one use, and addresses proven by one.
-- PostgreSQL 14 and later; no extensions.

-- When the user showed that mail to the address reaches them.
ALTER TABLE users ADD COLUMN email_proven_at timestamptz;

-- Only the SHA-256 of what stands in a link is stored: a stolen backup opens no account. A link that
-- was used is deleted. `email`: where it was sent.
CREATE TABLE one_time_links (
    id         uuid        PRIMARY KEY,
    token_hash bytea       NOT NULL
        CONSTRAINT one_time_links_sha256 CHECK (octet_length(token_hash) = 32),
    user_id    uuid        NOT NULL REFERENCES users (id),
    kind       text        NOT NULL
        CONSTRAINT one_time_links_kind
        CHECK (kind IN ('prove_address', 'change_address', 'reset_password')),
    email      text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    CONSTRAINT one_time_links_token UNIQUE (token_hash),
    CONSTRAINT one_time_links_expire_later CHECK (expires_at > created_at)
);

CREATE INDEX one_time_links_by_user ON one_time_links (user_id);
CREATE INDEX one_time_links_by_expiry ON one_time_links (expires_at);

-- What waits to be sent; a mail that was taken over by the mail server is deleted. The text is made
-- when it is sent, so that no token stands here.
CREATE TABLE mails (
    id              uuid        PRIMARY KEY,
    user_id         uuid        NOT NULL REFERENCES users (id),
    kind            text        NOT NULL,
    email           text        NOT NULL,
    facts           jsonb       NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    expires_at      timestamptz NOT NULL,
    attempts        integer     NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT mails_expire_later CHECK (expires_at > created_at)
);

CREATE INDEX mails_due ON mails (next_attempt_at);
CREATE INDEX mails_by_user ON mails (user_id);
CREATE INDEX mails_by_expiry ON mails (expires_at);

-- A customer at Stripe is made for whoever proved their address or begins to buy, no longer for
-- whoever registered.
DROP TRIGGER users_want_stripe_customer ON users;

CREATE OR REPLACE FUNCTION want_stripe_customer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO stripe_customers (user_id) VALUES (NEW.id) ON CONFLICT (user_id) DO NOTHING;
    RETURN NULL;
END;
$$;

CREATE TRIGGER users_want_stripe_customer
    AFTER UPDATE OF email_proven_at ON users FOR EACH ROW
    WHEN (OLD.email_proven_at IS NULL AND NEW.email_proven_at IS NOT NULL)
    EXECUTE FUNCTION want_stripe_customer();

DELETE FROM stripe_customers AS c
WHERE customer_id IS NULL AND NOT EXISTS (SELECT FROM purchases AS p WHERE p.user_id = c.user_id);
