-- Files that come in several requests. PostgreSQL 14 and later; no extensions.

CREATE TABLE uploads (
    -- Also that of the recording that it becomes.
    id           uuid        PRIMARY KEY,
    user_id      uuid        NOT NULL REFERENCES users (id),
    -- The file's, as its owner calls it.
    name         text        NOT NULL DEFAULT '',
    size_bytes   bigint      NOT NULL,
    -- So many are on the disk for good.
    offset_bytes bigint      NOT NULL DEFAULT 0,
    created_at   timestamptz NOT NULL DEFAULT now(),
    -- Given up then; moved on by whatever comes.
    expires_at   timestamptz NOT NULL,
    CONSTRAINT uploads_size CHECK (size_bytes > 0),
    CONSTRAINT uploads_offset CHECK (offset_bytes BETWEEN 0 AND size_bytes)
);

CREATE INDEX uploads_by_user ON uploads (user_id);
CREATE INDEX uploads_expiring ON uploads (expires_at);
