-- Turns in the queue, and recordings of accounts that are gone. PostgreSQL 14 and later; no
-- extensions.

-- Who hands in the next recording as soon as the last one is done keeps his turn, as if it had
-- waited beside it.

-- When a job of this lane ended last.
ALTER TABLE lanes ADD COLUMN active_at timestamptz NOT NULL DEFAULT '-infinity';

-- What is still kept of whom: recordings of a deleted account are deleted too.
CREATE INDEX transcriptions_kept ON transcriptions (user_id) WHERE state <> 'deleted';
CREATE INDEX users_deleted ON users (id) WHERE deleted_at IS NOT NULL;
