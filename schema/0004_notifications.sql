-- What the daemons tell browsers. PostgreSQL 14 and later; no extensions.

-- Whose credit is being looked at, and until when. Notifying transactions commit one after the
-- other, so a change notifies only while somebody looks. Nothing is lost with these rows, so
-- they need no write-ahead log; after a crash the browsers come again.
CREATE UNLOGGED TABLE credit_watch (
    user_id    uuid        PRIMARY KEY,
    expires_at timestamptz NOT NULL
);

CREATE FUNCTION notify_credit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM credit_watch WHERE user_id = NEW.user_id AND expires_at > now()
    ) THEN
        PERFORM pg_notify('relayd_credit', NEW.user_id::text);
    END IF;
    RETURN NULL;
END;
$$;

CREATE TRIGGER credit_balance_tells
    AFTER UPDATE ON credit_balance FOR EACH ROW
    WHEN (OLD IS DISTINCT FROM NEW)
    EXECUTE FUNCTION notify_credit();

-- Rare, so without asking who looks: streams that were opened from this sign-in end at once.
CREATE FUNCTION notify_sign_in_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('relayd_sign_in', NEW.id::text);
    RETURN NULL;
END;
$$;

CREATE TRIGGER sign_ins_tell
    AFTER UPDATE OF revoked_at ON sign_ins FOR EACH ROW
    WHEN (OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL)
    EXECUTE FUNCTION notify_sign_in_ended();
