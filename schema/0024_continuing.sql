-- A session that goes on where another one of the same user was cut off by a fault of ours. PostgreSQL 14 and later; no extensions.

-- Whose audio it begins with again, if anybody's: each session is continued once. What of that was
-- charged there is paid here: so many milliseconds of its use are not charged again.
ALTER TABLE transcription_sessions
    ADD COLUMN continues uuid REFERENCES transcription_sessions (id),
    ADD COLUMN paid_ms bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT transcription_sessions_continued_once UNIQUE (continues),
    ADD CONSTRAINT transcription_sessions_paid_by_another
        CHECK (paid_ms >= 0 AND (paid_ms = 0 OR continues IS NOT NULL));
