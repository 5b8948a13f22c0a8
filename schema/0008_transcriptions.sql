-- Recordings that are handed in whole, and the queue they wait in. PostgreSQL 14 and later; no
-- extensions.
--
--     uploading -> probing -> queued -> running -> done | failed
--     running -> queued (another attempt)      queued -> cancelled
--     running -> cancelling -> cancelled       uploading, probing -> failed | cancelled | expired
--     whatever has ended -> deleted: what stays is what the books need
--
-- For every user, at every commit:
--     lanes.queued    = jobs in 'queued' that are due,  lanes.queued_ms = their measured audio
--     lanes.delayed   = jobs in 'queued' that are not due yet
--     lanes.running   = jobs in 'running' or 'cancelling' <= lanes.running_max
-- and a job with hold_ms > 0 has an open reservation of that much, under its own id, exactly
-- while it is queued, running or cancelling. Whoever changes a job's state locks the user's
-- balance (where money moves), then the lane, then the job.

-- One user's turn in the queue, and what of theirs is in it.
CREATE TABLE lanes (
    user_id     uuid        PRIMARY KEY REFERENCES credit_balance (user_id),
    -- As the user's terms were when they last handed something in.
    priority    integer     NOT NULL,
    running_max integer     NOT NULL,
    queued      integer     NOT NULL DEFAULT 0,
    queued_ms   bigint      NOT NULL DEFAULT 0,
    delayed     integer     NOT NULL DEFAULT 0,
    running     integer     NOT NULL DEFAULT 0,
    -- Who has the earliest is served next: when it was served last, or began to wait, less what
    -- its priority is worth.
    rank        timestamptz NOT NULL,
    -- The user's credit is frozen: what waits goes on waiting.
    frozen      boolean     NOT NULL DEFAULT false,
    CONSTRAINT lanes_counts CHECK (queued >= 0 AND queued_ms >= 0 AND delayed >= 0),
    CONSTRAINT lanes_running CHECK (running >= 0),
    CONSTRAINT lanes_running_max CHECK (running_max > 0)
) WITH (fillfactor = 50);

CREATE INDEX lanes_next ON lanes (rank) WHERE queued > 0 AND running < running_max AND NOT frozen;

-- Runs of `relayd` that take jobs, and how many at once.
CREATE TABLE workers (
    boot_id uuid    PRIMARY KEY REFERENCES boots (boot_id),
    slots   integer NOT NULL CONSTRAINT workers_slots CHECK (slots > 0)
);

CREATE TABLE transcriptions (
    id              uuid        PRIMARY KEY,
    -- The order in which they came: of a lane's jobs, and of a user's list.
    number          bigint      GENERATED ALWAYS AS IDENTITY,
    user_id         uuid        NOT NULL REFERENCES credit_balance (user_id),
    state           text        NOT NULL,
    -- What was asked for. The name is the file's, as its owner calls it.
    name            text        NOT NULL DEFAULT '',
    model           text        NOT NULL,
    options         jsonb       NOT NULL DEFAULT '{}',
    metadata        jsonb       NOT NULL DEFAULT '{}',
    -- The caller's own name of the request, and what tells one request from another.
    idempotency_key text,
    fingerprint     bytea,
    -- The recording in the store, and its length as its packets have it.
    source          text,
    measured_ms     bigint,
    -- What a second costs, and what is set aside for the whole.
    rate_per_mille  integer     NOT NULL DEFAULT 1000,
    hold_ms         bigint      NOT NULL DEFAULT 0,
    -- Who works on it, and for which time: only this pair may end it. The number of a claim
    -- grows for ever; a failure or a worker's death counts towards giving up.
    boot_id         uuid        REFERENCES boots (boot_id),
    attempt         integer     NOT NULL DEFAULT 0,
    failures        integer     NOT NULL DEFAULT 0,
    deaths          integer     NOT NULL DEFAULT 0,
    -- Waiting for another attempt, until then.
    delayed         boolean     NOT NULL DEFAULT false,
    ready_at        timestamptz,
    -- Audio worked off in this attempt.
    done_ms         bigint      NOT NULL DEFAULT 0,
    -- Its owner wants it deleted as soon as it has ended.
    doomed          boolean     NOT NULL DEFAULT false,
    -- How it ended.
    engine          text,
    result          text,
    decoded_ms      bigint,
    charged_ms      bigint,
    reason          text,
    problem         text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    queued_at       timestamptz,
    started_at      timestamptz,
    ended_at        timestamptz,
    -- An upload is given up then; what has ended is deleted then.
    expires_at      timestamptz,
    deleted_at      timestamptz,
    CONSTRAINT transcriptions_state CHECK (
        state IN ('uploading', 'probing', 'queued', 'running', 'cancelling',
                  'done', 'failed', 'cancelled', 'expired', 'deleted')
    ),
    CONSTRAINT transcriptions_ended CHECK (
        (ended_at IS NOT NULL)
        = (state IN ('done', 'failed', 'cancelled', 'expired', 'deleted'))
    ),
    CONSTRAINT transcriptions_queued_measured CHECK (
        state NOT IN ('queued', 'running', 'cancelling')
        OR (measured_ms > 0 AND source IS NOT NULL AND queued_at IS NOT NULL)
    ),
    CONSTRAINT transcriptions_owned CHECK (
        (boot_id IS NOT NULL) = (state IN ('running', 'cancelling'))
    ),
    CONSTRAINT transcriptions_delayed CHECK (
        NOT delayed OR (state = 'queued' AND ready_at IS NOT NULL)
    ),
    CONSTRAINT transcriptions_done CHECK (
        state <> 'done' OR (result IS NOT NULL AND decoded_ms IS NOT NULL)
    ),
    CONSTRAINT transcriptions_charged CHECK (
        (charged_ms IS NOT NULL) = (ended_at IS NOT NULL) AND charged_ms BETWEEN 0 AND hold_ms
    ),
    CONSTRAINT transcriptions_failed CHECK (state <> 'failed' OR reason IS NOT NULL),
    CONSTRAINT transcriptions_deleted CHECK (
        (deleted_at IS NOT NULL) = (state = 'deleted')
        AND (state <> 'deleted' OR (source IS NULL AND result IS NULL))
    ),
    CONSTRAINT transcriptions_fingerprint CHECK (
        octet_length(fingerprint) = 32 AND (idempotency_key IS NULL OR fingerprint IS NOT NULL)
    )
) WITH (fillfactor = 70);

CREATE UNIQUE INDEX transcriptions_once
    ON transcriptions (user_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX transcriptions_by_user ON transcriptions (user_id, number);
CREATE INDEX transcriptions_due
    ON transcriptions (user_id, number) WHERE state = 'queued' AND NOT delayed;
CREATE INDEX transcriptions_delayed_until
    ON transcriptions (ready_at) WHERE state = 'queued' AND delayed;
CREATE INDEX transcriptions_owned_by
    ON transcriptions (boot_id) WHERE state IN ('running', 'cancelling');
CREATE INDEX transcriptions_expiring ON transcriptions (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX transcriptions_done_lately ON transcriptions (ended_at) WHERE state = 'done';

CREATE FUNCTION refuse_transcription_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'transcription % does not go from % to %', OLD.id, OLD.state, NEW.state
        USING ERRCODE = 'restrict_violation';
END;
$$;

CREATE TRIGGER transcriptions_steps
    BEFORE UPDATE ON transcriptions FOR EACH ROW
    WHEN (OLD.state <> NEW.state AND NOT CASE OLD.state
        WHEN 'uploading' THEN
            NEW.state IN ('probing', 'queued', 'failed', 'cancelled', 'expired')
        WHEN 'probing' THEN NEW.state IN ('queued', 'failed', 'cancelled', 'expired')
        WHEN 'queued' THEN NEW.state IN ('running', 'failed', 'cancelled')
        WHEN 'running' THEN NEW.state IN ('queued', 'cancelling', 'done', 'failed')
        WHEN 'cancelling' THEN NEW.state = 'cancelled'
        WHEN 'deleted' THEN false
        ELSE NEW.state = 'deleted'
    END)
    EXECUTE FUNCTION refuse_transcription_step();

ALTER TABLE transcriptions ENABLE ALWAYS TRIGGER transcriptions_steps;

-- Objects of the store that nothing refers to any more, until they are removed.
CREATE TABLE discarded_objects (
    key          text        PRIMARY KEY,
    discarded_at timestamptz NOT NULL DEFAULT now()
);

-- A dispute that begins or is decided reaches the lane in its own transaction.
CREATE FUNCTION freeze_lane() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE lanes SET frozen = NEW.frozen_since IS NOT NULL WHERE user_id = NEW.user_id;
    PERFORM pg_notify('relayd_jobs', '');
    RETURN NULL;
END;
$$;

CREATE TRIGGER credit_balance_freezes_lane
    AFTER UPDATE OF frozen_since ON credit_balance FOR EACH ROW
    WHEN ((OLD.frozen_since IS NULL) <> (NEW.frozen_since IS NULL))
    EXECUTE FUNCTION freeze_lane();

-- Give the next job to a worker; no row where nothing may begin now. Two statements that look for
-- something, because the second one must see what the lock of the first one waited for: in one
-- statement, both would look at what was there before. ``aging`` is what one step of priority is
-- worth.
CREATE FUNCTION claim_transcription(worker uuid, aging interval)
RETURNS TABLE (
    job_id uuid, owner_id uuid, job_attempt integer, job_failures integer, job_model text,
    job_name text, job_options jsonb, job_source text, job_measured_ms bigint
)
LANGUAGE plpgsql AS $$
DECLARE
    lane lanes;
    job  transcriptions;
BEGIN
    -- First among the lanes that nobody is at, so that workers don't queue behind each other.
    SELECT * INTO lane FROM lanes
    WHERE queued > 0 AND running < running_max AND NOT frozen
    ORDER BY rank LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        SELECT * INTO lane FROM lanes
        WHERE queued > 0 AND running < running_max AND NOT frozen
        ORDER BY rank LIMIT 1 FOR UPDATE;
        IF NOT FOUND THEN
            RETURN;
        END IF;
    END IF;
    SELECT * INTO STRICT job FROM transcriptions
    WHERE user_id = lane.user_id AND state = 'queued' AND NOT delayed
    ORDER BY number LIMIT 1 FOR UPDATE;
    UPDATE lanes
    SET queued = queued - 1, queued_ms = queued_ms - job.measured_ms, running = running + 1,
        rank = clock_timestamp() - priority * aging
    WHERE user_id = lane.user_id;
    UPDATE transcriptions
    SET state = 'running', boot_id = worker, attempt = attempt + 1, done_ms = 0, ready_at = NULL,
        started_at = clock_timestamp()
    WHERE id = job.id RETURNING * INTO job;
    RETURN QUERY SELECT
        job.id, job.user_id, job.attempt, job.failures, job.model, job.name, job.options,
        job.source, job.measured_ms;
END;
$$;
