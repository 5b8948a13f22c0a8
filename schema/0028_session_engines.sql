-- Which engines heard a session, where it was not only the one that it was planned with.
-- PostgreSQL 14 and later; no extensions.

-- What the session cost while each heard it; together that is what it cost. A session without rows
-- was heard by its own engine alone.
CREATE TABLE session_engines (
    session_id uuid     NOT NULL REFERENCES transcription_sessions (id),
    engine     text     NOT NULL,
    model      text     NOT NULL,
    -- Milliseconds of credit for a second of audio.
    rate       integer  NOT NULL,
    charged_ms bigint   NOT NULL,
    -- How many streams of this engine heard it: all of them failed, but the last one of a session.
    streams    integer  NOT NULL,
    last       boolean  NOT NULL,
    PRIMARY KEY (session_id, engine, model, rate),
    CONSTRAINT session_engines_positive CHECK (rate > 0 AND charged_ms >= 0 AND streams > 0)
);

-- The last stream is one engine's.
CREATE UNIQUE INDEX session_engines_last ON session_engines (session_id) WHERE last;
