-- Who may move money by hand, and the trail of what was done by hand.
-- PostgreSQL 14 and later; no extensions.

CREATE TABLE operators (
    user_id uuid        PRIMARY KEY REFERENCES users (id),
    since   timestamptz NOT NULL DEFAULT now()
);

-- One row for each thing done by hand, in the transaction that did it. The id is its maker's, so
-- that a repeated transaction leaves one.
CREATE TABLE operator_actions (
    id            uuid        PRIMARY KEY,
    -- In the order in which they were done.
    number        bigint      GENERATED ALWAYS AS IDENTITY UNIQUE,
    done_at       timestamptz NOT NULL DEFAULT now(),
    -- Whose account did it; NULL: whoever was at the machine named none.
    operator_id   uuid        REFERENCES users (id),
    -- Their login name on the machine; '' where it was done on a page.
    login         text        NOT NULL,
    second_factor boolean     NOT NULL,
    action        text        NOT NULL
        CONSTRAINT operator_actions_action CHECK (action ~ '^[a-z][a-z_]{0,39}$'),
    -- Whose account it was done to.
    user_id       uuid        NOT NULL REFERENCES users (id),
    amount_ms     bigint,
    -- What it is known by elsewhere: an entry's reference in usage_ledger.
    reference     text,
    reason        text        NOT NULL,
    CONSTRAINT operator_actions_somebody CHECK (operator_id IS NOT NULL OR login <> ''),
    CONSTRAINT operator_actions_proven CHECK (operator_id IS NOT NULL OR NOT second_factor)
);

CREATE INDEX operator_actions_by_user ON operator_actions (user_id, number);

CREATE FUNCTION refuse_trail_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'operator_actions is append-only: % refused', TG_OP
        USING ERRCODE = 'restrict_violation';
END;
$$;

CREATE TRIGGER operator_actions_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON operator_actions FOR EACH STATEMENT
    EXECUTE FUNCTION refuse_trail_change();

-- Also where session_replication_role would silence ordinary triggers.
ALTER TABLE operator_actions ENABLE ALWAYS TRIGGER operator_actions_append_only;
