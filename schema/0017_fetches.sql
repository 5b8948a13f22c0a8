-- Recordings that are fetched from where their owner says. PostgreSQL 14 and later; no extensions.

CREATE TABLE fetches (
    transcription_id uuid        PRIMARY KEY REFERENCES transcriptions (id),
    url              text        NOT NULL,
    -- What tells the request from another one of the same key.
    idempotency_key  text,
    fingerprint      bytea       NOT NULL,
    -- Whoever begins or renews a fetch moves this on: while it lies ahead, nobody else begins.
    due_at           timestamptz NOT NULL DEFAULT now(),
    -- How often it was begun: whose number is lower is too late. And how often the other side failed.
    attempt          integer     NOT NULL DEFAULT 0,
    failures         integer     NOT NULL DEFAULT 0,
    done_at          timestamptz,
    CONSTRAINT fetches_fingerprint CHECK (octet_length(fingerprint) = 32)
);

CREATE INDEX fetches_due ON fetches (due_at) WHERE done_at IS NULL;

-- An address may say much of somebody: it goes with the recording.
CREATE FUNCTION forget_fetch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM fetches WHERE transcription_id = NEW.id;
    RETURN NULL;
END;
$$;

CREATE TRIGGER transcriptions_forget_fetch
    AFTER UPDATE OF state ON transcriptions FOR EACH ROW
    WHEN (NEW.state = 'deleted' AND OLD.state <> 'deleted')
    EXECUTE FUNCTION forget_fetch();
