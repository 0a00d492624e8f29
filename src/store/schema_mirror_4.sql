-- Whether the words of its text are in search.db.
ALTER TABLE message ADD COLUMN is_indexed INTEGER NOT NULL DEFAULT 0;
CREATE INDEX message_unindexed ON message (key) WHERE is_here = 1 AND is_indexed = 0;
