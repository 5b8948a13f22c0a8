-- Prepaid audio, in integer milliseconds. PostgreSQL 14 and later; no extensions.
--
-- For every user, at every commit:
--     balance_ms = sum of usage_ledger.amount_ms + debt_ms - sum of used_ms of open sessions
--     held_ms    = sum of (held_ms - used_ms) of open sessions
--     0 <= held_ms <= balance_ms,  and debt_ms > 0 only while balance_ms = held_ms
-- A session's own held_ms is a running total with its used part included; an account's held_ms
-- is only what is set aside and not yet used. Credit that is free pays debt before anything else.

CREATE TABLE credit_balance (
    user_id    uuid   PRIMARY KEY REFERENCES users (id),
    -- What the user may still use, what open sessions hold included.
    balance_ms bigint NOT NULL DEFAULT 0,
    held_ms    bigint NOT NULL DEFAULT 0,
    -- What an adjustment took and was not there any more: the entry stands in the ledger in
    -- full, and the next credit pays this first.
    debt_ms    bigint NOT NULL DEFAULT 0,
    CONSTRAINT credit_balance_not_negative CHECK (balance_ms >= 0),
    CONSTRAINT credit_balance_covers_holds CHECK (held_ms BETWEEN 0 AND balance_ms),
    CONSTRAINT credit_balance_debt_not_negative CHECK (debt_ms >= 0),
    CONSTRAINT credit_balance_debt_paid_first CHECK (debt_ms = 0 OR balance_ms = held_ms)
) WITH (fillfactor = 70);

-- A run of a daemon. Its sessions are settled by others when it stops beating.
CREATE TABLE boots (
    boot_id      uuid        PRIMARY KEY,
    host         text        NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT now(),
    -- For people. A sweeper looks at beats alone, and only whether it moves.
    heartbeat_at timestamptz NOT NULL DEFAULT now(),
    beats        bigint      NOT NULL DEFAULT 0,
    -- Ended in order, or taken for dead.
    ended_at     timestamptz
) WITH (fillfactor = 70);

CREATE TABLE transcription_sessions (
    id             uuid        PRIMARY KEY,
    user_id        uuid        NOT NULL REFERENCES credit_balance (user_id),
    -- No foreign key: sign-ins are deleted after they ran out, sessions are kept.
    sign_in_id     uuid,
    boot_id        uuid        NOT NULL REFERENCES boots (boot_id),
    engine         text        NOT NULL,
    model          text        NOT NULL,
    client_address text        NOT NULL,
    started_at     timestamptz NOT NULL DEFAULT now(),
    ended_at       timestamptz,
    -- Running totals: admitted to the engine, and set aside (the used part included).
    used_ms        bigint      NOT NULL DEFAULT 0,
    held_ms        bigint      NOT NULL DEFAULT 0,
    -- The engine's own figure, to compare.
    reported_ms    bigint,
    end_reason     text,
    -- Since when this session has nothing left to use while it lives: first come, first served.
    starving_since timestamptz,
    CONSTRAINT transcription_sessions_within_hold CHECK (used_ms BETWEEN 0 AND held_ms),
    CONSTRAINT transcription_sessions_ended_with_reason
        CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
    CONSTRAINT transcription_sessions_ended_hold_nothing
        CHECK (ended_at IS NULL OR (held_ms = used_ms AND starving_since IS NULL)),
    CONSTRAINT transcription_sessions_reported_not_negative CHECK (reported_ms >= 0)
) WITH (fillfactor = 70);

CREATE INDEX transcription_sessions_open
    ON transcription_sessions (user_id) WHERE ended_at IS NULL;
CREATE INDEX transcription_sessions_open_by_boot
    ON transcription_sessions (boot_id) WHERE ended_at IS NULL;
CREATE INDEX transcription_sessions_recent
    ON transcription_sessions (user_id, started_at DESC);

-- Recorded totals never decrease, and what is settled stays as it is.
CREATE FUNCTION refuse_session_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'session % is settled, or its total would decrease', OLD.id
        USING ERRCODE = 'restrict_violation';
END;
$$;

CREATE TRIGGER transcription_sessions_only_grow
    BEFORE UPDATE ON transcription_sessions FOR EACH ROW
    WHEN (OLD.ended_at IS NOT NULL OR NEW.used_ms < OLD.used_ms OR NEW.user_id <> OLD.user_id)
    EXECUTE FUNCTION refuse_session_rewrite();

-- Every change of what a user owns; nothing here is ever changed.
CREATE TABLE usage_ledger (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id    uuid        NOT NULL REFERENCES credit_balance (user_id),
    kind       text        NOT NULL,
    -- What it books, named by whoever books it, so that a retry can't book it again. Of a
    -- session, its id.
    reference  text        NOT NULL,
    session_id uuid        REFERENCES transcription_sessions (id),
    amount_ms  bigint      NOT NULL,
    reason     text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT usage_ledger_once UNIQUE (kind, reference),
    -- New kinds replace this constraint in the migration that brings them.
    CONSTRAINT usage_ledger_kind CHECK (kind IN ('session', 'grant', 'adjustment')),
    CONSTRAINT usage_ledger_sign CHECK (
        CASE kind
            WHEN 'session' THEN amount_ms <= 0
            WHEN 'grant' THEN amount_ms > 0
            ELSE amount_ms <> 0
        END
    ),
    CONSTRAINT usage_ledger_session CHECK (
        CASE kind
            WHEN 'session' THEN session_id IS NOT NULL AND reference = session_id::text
            ELSE session_id IS NULL
        END
    )
);

CREATE INDEX usage_ledger_by_user ON usage_ledger (user_id, created_at);
CREATE INDEX usage_ledger_by_session ON usage_ledger (session_id) WHERE session_id IS NOT NULL;

CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'usage_ledger is append-only: % refused, book an adjustment', TG_OP
        USING ERRCODE = 'restrict_violation';
END;
$$;

CREATE TRIGGER usage_ledger_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON usage_ledger FOR EACH STATEMENT
    EXECUTE FUNCTION refuse_ledger_change();

-- Also where session_replication_role would silence ordinary triggers.
ALTER TABLE usage_ledger ENABLE ALWAYS TRIGGER usage_ledger_append_only;
ALTER TABLE transcription_sessions ENABLE ALWAYS TRIGGER transcription_sessions_only_grow;
