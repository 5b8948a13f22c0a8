-- Wrong passwords, and how long whoever gave them has to wait. PostgreSQL 14 and later; no extensions.

-- For an account (an HMAC of its address, also of one that nobody has), by where the attempts came from:
-- a browser or app that was signed in before, a block of addresses, or all strangers together.
CREATE TABLE guesses (
    account  bytea       NOT NULL
        CONSTRAINT guesses_sha256 CHECK (octet_length(account) = 32),
    origin   text        NOT NULL,
    failures integer     NOT NULL
        CONSTRAINT guesses_failures CHECK (failures >= 0),
    last_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account, origin)
);

CREATE INDEX guesses_by_age ON guesses (last_at);
