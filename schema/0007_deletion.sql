-- An account that was deleted: nobody's any more, its sessions and purchases stay in the books.
-- PostgreSQL 14 and later; no extensions.

-- What stays of a user can't be signed in with, registered or let in again: the name in place of
-- the address has a space, which no address has.
ALTER TABLE users
    ADD COLUMN deleted_at timestamptz,
    DROP CONSTRAINT users_password_hash_length,
    ADD CONSTRAINT users_password_hash_length CHECK (
        CASE
            WHEN deleted_at IS NULL THEN char_length(password_hash) BETWEEN 60 AND 255
            ELSE password_hash = ''
        END
    ),
    ADD CONSTRAINT users_deleted_is_nobody CHECK (
        deleted_at IS NULL OR (disabled_at IS NOT NULL AND email = 'deleted ' || id::text)
    );

-- Of a settled session one thing may still go: where it came from.
DROP TRIGGER transcription_sessions_only_grow ON transcription_sessions;

CREATE TRIGGER transcription_sessions_only_grow
    BEFORE UPDATE ON transcription_sessions FOR EACH ROW
    WHEN (
        NEW.used_ms < OLD.used_ms OR NEW.user_id <> OLD.user_id
        OR (OLD.ended_at IS NOT NULL
            AND (NEW.client_address <> ''
                 OR to_jsonb(NEW) - 'client_address' <> to_jsonb(OLD) - 'client_address'))
    )
    EXECUTE FUNCTION refuse_session_rewrite();

ALTER TABLE transcription_sessions ENABLE ALWAYS TRIGGER transcription_sessions_only_grow;
