-- File engines that are to be left alone for a while, by every worker. PostgreSQL 14 and later; no
-- extensions.

CREATE TABLE engine_standings (
    engine text        PRIMARY KEY,
    -- It asked for a pause until then, or refused us and is tried again then.
    until  timestamptz NOT NULL,
    reason text        NOT NULL,
    -- A person has to look: a pause alone won't mend it.
    off    boolean     NOT NULL
);
