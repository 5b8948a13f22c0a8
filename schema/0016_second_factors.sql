-- A second factor: codes of an authenticator app (RFC 6238), and codes for when it is lost.
-- PostgreSQL 14 and later; no extensions.

-- The secret of an app is computed from `seed` and the pepper, which isn't here: a stolen backup makes
-- no codes. `last_step`: the time step of the newest code that was used; none is taken twice.
CREATE TABLE second_factors (
    user_id      uuid        PRIMARY KEY REFERENCES users (id),
    seed         bytea       NOT NULL
        CONSTRAINT second_factors_seed CHECK (octet_length(seed) = 16),
    created_at   timestamptz NOT NULL DEFAULT now(),
    -- When a first code showed that the app has the secret; NULL: it is not asked for yet.
    confirmed_at timestamptz,
    last_step    bigint      NOT NULL DEFAULT 0
);

-- Each is good once; only HMACs are stored.
CREATE TABLE recovery_codes (
    user_id   uuid  NOT NULL REFERENCES second_factors (user_id) ON DELETE CASCADE,
    code_hash bytea NOT NULL
        CONSTRAINT recovery_codes_sha256 CHECK (octet_length(code_hash) = 32),
    PRIMARY KEY (user_id, code_hash)
);

-- Whoever must have one, such as those who may move money: its user can't switch it off.
ALTER TABLE users ADD COLUMN second_factor_required boolean NOT NULL DEFAULT false;
