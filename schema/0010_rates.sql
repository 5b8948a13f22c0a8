-- At what price a session hears. PostgreSQL 14 and later; no extensions.

-- Milliseconds of credit for a second of audio. What a session holds and has used is credit at this
-- rate; the engine's own figure is audio.
ALTER TABLE transcription_sessions
    ADD COLUMN rate integer NOT NULL DEFAULT 1000
    CONSTRAINT transcription_sessions_rate_positive CHECK (rate > 0);
