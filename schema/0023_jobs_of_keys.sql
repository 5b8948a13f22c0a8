-- With which key a recording was handed in, and whether it only pretends. PostgreSQL 14 and later;
-- no extensions.

ALTER TABLE transcriptions
    -- No foreign key: a deleted account has no keys, and what its recordings cost stays.
    ADD COLUMN key_id uuid,
    -- By a test key: it holds and costs nothing, and only test keys see it.
    ADD COLUMN test   boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT transcriptions_test_is_free CHECK (NOT test OR (hold_ms = 0));

CREATE INDEX transcriptions_by_key ON transcriptions (key_id)
    WHERE key_id IS NOT NULL AND state IN ('uploading', 'probing', 'queued', 'running');

-- A test's name of a request is none of a live one.
DROP INDEX transcriptions_once;
CREATE UNIQUE INDEX transcriptions_once
    ON transcriptions (user_id, test, idempotency_key) WHERE idempotency_key IS NOT NULL;

-- Whoever is told of every recording is told of real ones.
CREATE OR REPLACE FUNCTION tell_webhooks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO webhook_deliveries (endpoint_id, transcription_id, event)
    SELECT id, NEW.id, 'transcription.' || CASE NEW.state
        WHEN 'done' THEN 'completed'
        WHEN 'cancelled' THEN 'cancelled'
        ELSE 'failed'
    END
    FROM webhook_endpoints
    WHERE user_id = NEW.user_id AND disabled_at IS NULL
      AND ((every AND NOT NEW.test) OR id::text = NEW.options ->> 'webhook');
    RETURN NULL;
END;
$$;
