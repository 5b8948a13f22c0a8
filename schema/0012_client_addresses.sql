-- Where sessions came from is forgotten after a while. PostgreSQL 14 and later; no extensions.

CREATE INDEX transcription_sessions_with_address
    ON transcription_sessions (ended_at) WHERE client_address <> '' AND ended_at IS NOT NULL;
