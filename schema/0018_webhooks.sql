-- Webhooks out: whom to tell that a recording has ended. PostgreSQL 14 and later; no extensions.

CREATE TABLE webhook_endpoints (
    id              uuid        PRIMARY KEY,
    user_id         uuid        NOT NULL REFERENCES credit_balance (user_id),
    url             text        NOT NULL,
    -- It signs, so it can't be hashed.
    secret          text        NOT NULL,
    -- Told of every recording of its user; else of those that name it.
    every           boolean     NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    disabled_at     timestamptz,
    disabled_reason text,
    -- Somebody sends to it until then: one lane for each, so that a slow one blocks no other.
    leased_until    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT webhook_endpoints_once UNIQUE (user_id, url),
    CONSTRAINT webhook_endpoints_disabled CHECK (
        (disabled_at IS NULL) = (disabled_reason IS NULL)
    )
);

CREATE TABLE webhook_deliveries (
    id               uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    number           bigint      GENERATED ALWAYS AS IDENTITY,
    endpoint_id      uuid        NOT NULL REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
    transcription_id uuid        NOT NULL REFERENCES transcriptions (id),
    event            text        NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    attempts         integer     NOT NULL DEFAULT 0,
    -- When it is sent next; nothing once that is over.
    due_at           timestamptz DEFAULT now(),
    delivered_at     timestamptz,
    -- Of the last attempt: the answer's status, or what went wrong.
    status           integer,
    problem          text,
    CONSTRAINT webhook_deliveries_over CHECK (delivered_at IS NULL OR due_at IS NULL)
);

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_by_endpoint ON webhook_deliveries (endpoint_id, number);
CREATE INDEX webhook_deliveries_by_transcription ON webhook_deliveries (transcription_id);

-- In the transaction in which the recording ends, whoever ends it: what is told happened, and what
-- happened is told.
CREATE FUNCTION tell_webhooks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO webhook_deliveries (endpoint_id, transcription_id, event)
    SELECT id, NEW.id, 'transcription.' || CASE NEW.state
        WHEN 'done' THEN 'completed'
        WHEN 'cancelled' THEN 'cancelled'
        ELSE 'failed'
    END
    FROM webhook_endpoints
    WHERE user_id = NEW.user_id AND disabled_at IS NULL
      AND (every OR id::text = NEW.options ->> 'webhook');
    RETURN NULL;
END;
$$;

CREATE TRIGGER transcriptions_tell_webhooks
    AFTER UPDATE OF state ON transcriptions FOR EACH ROW
    WHEN (OLD.state <> NEW.state AND NEW.state IN ('done', 'failed', 'cancelled', 'expired'))
    EXECUTE FUNCTION tell_webhooks();

-- Addresses and secrets go with their owner.
CREATE FUNCTION forget_webhooks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM webhook_endpoints WHERE user_id = NEW.id;
    RETURN NULL;
END;
$$;

CREATE TRIGGER users_forget_webhooks
    AFTER UPDATE OF deleted_at ON users FOR EACH ROW
    WHEN (OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL)
    EXECUTE FUNCTION forget_webhooks();
