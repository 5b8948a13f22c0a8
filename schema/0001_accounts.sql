-- Who may use the service, and from where they are signed in.
-- PostgreSQL 14 and later; no extensions.

CREATE TABLE users (
    id            uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    -- Stored normalised (NFKC, lower-case), so that equality is identity. The C collation
    -- makes the check the same in every locale; the longest address is 254 (RFC 5321, erratum 1690).
    email         text        NOT NULL
        CONSTRAINT users_email_unique UNIQUE
        CONSTRAINT users_email_lower_case CHECK (email = lower(email COLLATE "C"))
        CONSTRAINT users_email_length CHECK (char_length(email) BETWEEN 3 AND 254),
    -- A bcrypt hash is 60 characters; room is left for a successor.
    password_hash text        NOT NULL
        CONSTRAINT users_password_hash_length CHECK (char_length(password_hash) BETWEEN 60 AND 255),
    created_at    timestamptz NOT NULL DEFAULT now(),
    disabled_at   timestamptz
);

-- A sign-in is a family of refresh tokens: one login on one device, until it is ended or runs out.
-- Rows are deleted some days after they ran out, so what refers to them must do so without
-- a foreign key (or with ON DELETE SET NULL).
CREATE TABLE sign_ins (
    id         uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id    uuid        NOT NULL REFERENCES users (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    -- When the newest refresh token of the family runs out.
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    CONSTRAINT sign_ins_expire_later CHECK (expires_at > created_at)
);

CREATE INDEX sign_ins_by_user ON sign_ins (user_id) WHERE revoked_at IS NULL;
CREATE INDEX sign_ins_by_expiry ON sign_ins (expires_at);

-- Only the SHA-256 of a refresh token is stored: a stolen backup signs nobody in.
CREATE TABLE refresh_tokens (
    token_hash bytea       PRIMARY KEY
        CONSTRAINT refresh_tokens_sha256 CHECK (octet_length(token_hash) = 32),
    sign_in_id uuid        NOT NULL REFERENCES sign_ins (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    -- First use. A spent token stays until it runs out: its reuse is how theft shows.
    spent_at   timestamptz,
    CONSTRAINT refresh_tokens_expire_later CHECK (expires_at > created_at)
);

CREATE INDEX refresh_tokens_by_sign_in ON refresh_tokens (sign_in_id);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);
