-- What each engine did, day by day, so that nobody adds up a million sessions to show a month.
-- PostgreSQL 14 and later; no extensions.
--
-- For every day (UTC) before engine_days_until.day: what of sessions and recordings ended on it.

CREATE TABLE engine_days (
    day        date    NOT NULL,
    kind       text    NOT NULL CONSTRAINT engine_days_kind CHECK (kind IN ('live', 'batch')),
    engine     text    NOT NULL,
    model      text    NOT NULL,
    -- Milliseconds of credit for a second of audio.
    rate       integer NOT NULL,
    ended      bigint  NOT NULL,
    -- Of those: by a fault of ours or of the engine's.
    failed     bigint  NOT NULL,
    audio_ms   bigint  NOT NULL,
    charged_ms bigint  NOT NULL,
    PRIMARY KEY (day, kind, engine, model, rate),
    CONSTRAINT engine_days_not_negative
        CHECK (failed BETWEEN 0 AND ended AND audio_ms >= 0 AND charged_ms >= 0)
);

-- One row: the first day that isn't summed up.
CREATE TABLE engine_days_until (
    one boolean PRIMARY KEY DEFAULT true CONSTRAINT engine_days_until_one CHECK (one),
    day date    NOT NULL
);

INSERT INTO engine_days_until (day)
SELECT least(
    (SELECT min(ended_at) FROM transcription_sessions),
    (SELECT min(ended_at) FROM transcriptions),
    now()
)::timestamptz AT TIME ZONE 'UTC';

CREATE INDEX transcription_sessions_by_end
    ON transcription_sessions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX transcriptions_by_end ON transcriptions (ended_at) WHERE ended_at IS NOT NULL;
