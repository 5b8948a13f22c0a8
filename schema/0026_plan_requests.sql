-- When each user's last requests were admitted, for the rates of plans: one count over all processes
-- and daemons. PostgreSQL 14 and later; no extensions.

-- Not kept through a crash of PostgreSQL: a minute later nobody would ask for it.
CREATE UNLOGGED TABLE plan_requests (
    user_id  uuid          PRIMARY KEY REFERENCES users (id),
    -- Within the last minute, oldest first; no more than the plan's rate.
    admitted timestamptz[] NOT NULL DEFAULT '{}'
) WITH (fillfactor = 50);
