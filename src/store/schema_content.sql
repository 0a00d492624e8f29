-- content.db: texts, zstd. A cache.

CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE raw (
  message INTEGER PRIMARY KEY,
  size    INTEGER NOT NULL,  -- before compression
  bytes   BLOB    NOT NULL
) STRICT;

CREATE TABLE part (
  key     INTEGER PRIMARY KEY,
  message INTEGER NOT NULL,
  part    TEXT    NOT NULL,  -- its address; empty: the header of the message
  size    INTEGER NOT NULL,
  bytes   BLOB    NOT NULL,
  UNIQUE (message, part)
) STRICT;
