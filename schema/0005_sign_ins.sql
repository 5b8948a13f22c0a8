-- Who keeps the tokens of a sign-in. PostgreSQL 14 and later; no extensions.

-- A browser's sign-in has shorter-lived access tokens, and its refresh token is good in the cookie
-- alone. NULL: begun before this was recorded, or by a daemon of that version; the first renewal
-- says.
ALTER TABLE sign_ins ADD COLUMN keeper text
    CONSTRAINT sign_ins_keeper CHECK (keeper IN ('app', 'browser'));
