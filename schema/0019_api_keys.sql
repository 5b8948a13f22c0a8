-- Keys of programs. PostgreSQL 14 and later; no extensions.

-- Only the SHA-256 of a key is stored: 43 random characters need no slow hash, and a stolen backup
-- lets nobody in.
CREATE TABLE api_keys (
    id           uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id      uuid        NOT NULL REFERENCES users (id),
    name         text        NOT NULL
        CONSTRAINT api_keys_name_length CHECK (char_length(name) BETWEEN 1 AND 100),
    key_hash     bytea       NOT NULL
        CONSTRAINT api_keys_hash_unique UNIQUE
        CONSTRAINT api_keys_sha256 CHECK (octet_length(key_hash) = 32),
    -- What people tell it from others by: how it begins and ends.
    hint         text        NOT NULL,
    -- It only pretends.
    test         boolean     NOT NULL,
    scopes       text[]      NOT NULL
        CONSTRAINT api_keys_scopes CHECK (
            cardinality(scopes) > 0 AND scopes <@ ARRAY['live', 'batch', 'read', 'admin']
        ),
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,
    -- Within a minute.
    last_used_at timestamptz,
    revoked_at   timestamptz,
    -- It is over, and so is all that was begun with it.
    wound_up_at  timestamptz,
    CONSTRAINT api_keys_expire_later CHECK (expires_at > created_at),
    CONSTRAINT api_keys_test_is_nobodys_operator CHECK (NOT (test AND 'admin' = ANY (scopes)))
) WITH (fillfactor = 70);

CREATE INDEX api_keys_by_user ON api_keys (user_id);
-- What ends, soonest first; least() passes over NULL.
CREATE INDEX api_keys_to_wind_up ON api_keys (least(revoked_at, expires_at))
    WHERE wound_up_at IS NULL AND (revoked_at IS NOT NULL OR expires_at IS NOT NULL);

-- Daemons that remember a key forget it.
CREATE FUNCTION notify_key_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('relayd_key', OLD.id::text);
    RETURN NULL;
END;
$$;

CREATE TRIGGER api_keys_tell
    AFTER UPDATE OF revoked_at ON api_keys FOR EACH ROW
    WHEN (OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL)
    EXECUTE FUNCTION notify_key_ended();

CREATE TRIGGER api_keys_tell_of_deletion
    AFTER DELETE ON api_keys FOR EACH ROW EXECUTE FUNCTION notify_key_ended();

-- Keys of a disabled user are good for nothing, and good again once he is enabled.
CREATE FUNCTION notify_keys_of_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('relayd_key', id::text) FROM api_keys
    WHERE user_id = NEW.id AND revoked_at IS NULL;
    RETURN NULL;
END;
$$;

CREATE TRIGGER users_tell_of_keys
    AFTER UPDATE OF disabled_at ON users FOR EACH ROW
    WHEN ((OLD.disabled_at IS NULL) <> (NEW.disabled_at IS NULL))
    EXECUTE FUNCTION notify_keys_of_user();

-- With which key a stream was opened. No foreign key: a deleted account has no keys, and its
-- sessions stay.
ALTER TABLE transcription_sessions ADD COLUMN key_id uuid;
