-- Of a message that is kept in local.db: its row there.
ALTER TABLE message ADD COLUMN local INTEGER NOT NULL DEFAULT 0;
