-- own.db: what only this computer holds. Committed with synchronous=FULL, never thrown away.

-- Facts about the file: 'id' (this file), 'mirror' (the mirror.db that the targets are bound to),
-- 'check_mirror' and 'check_content' (1: damage was seen, set it aside at the next start),
-- 'looked_at' (when damage was looked for), 'checked_at' (when counts were).
CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Keys of mailboxes and messages below `next` may have been given out: they are not given again,
-- even when mirror.db is made anew.
CREATE TABLE floor (
  what TEXT PRIMARY KEY,
  next INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO floor (what, next) VALUES ('mailbox', 1), ('message', 1);

-- The accounts of the configuration. Here, because the journal names them.
CREATE TABLE account (
  key  INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE
) STRICT;

-- One row for what a user did at once.
CREATE TABLE op (
  key        INTEGER PRIMARY KEY AUTOINCREMENT,
  kind       TEXT    NOT NULL,             -- 'flags'
  argument   TEXT    NOT NULL,             -- of 'flags': the change, see `sql::change_text`
  label      TEXT    NOT NULL,             -- as a sentence
  created_at INTEGER NOT NULL,             -- seconds since 1970
  undoes     INTEGER,                      -- the operation that this one takes back
  redoes     INTEGER,                      -- the undo that this one takes back
  is_undone  INTEGER NOT NULL DEFAULT 0    -- taken back (of an undo: done again)
) STRICT;

-- One row for each message that an operation changes where it lies.
CREATE TABLE op_target (
  key          INTEGER PRIMARY KEY AUTOINCREMENT,
  op           INTEGER NOT NULL,
  account      INTEGER NOT NULL,
  mailbox      INTEGER NOT NULL,           -- 0 while not bound to mirror.db
  message      INTEGER NOT NULL,           -- 0 while not bound to mirror.db
  mailbox_name TEXT    NOT NULL,           -- with the next three: who it is when mirror.db is lost
  uid_validity INTEGER NOT NULL,
  uid          INTEGER NOT NULL,
  message_id   TEXT    NOT NULL,
  state        INTEGER NOT NULL DEFAULT 0, -- 0 queued, 1 in flight, 2 settled, 3 rejected
  attempts     INTEGER NOT NULL DEFAULT 0,
  next_try     INTEGER NOT NULL DEFAULT 0, -- seconds since 1970
  reason       TEXT    NOT NULL DEFAULT '',
  effect       TEXT    NOT NULL,           -- what it really changed, see `sql::change_text`
  sent         TEXT    NOT NULL DEFAULT '' -- what was last sent for it; empty: nothing
) STRICT;
CREATE INDEX op_target_op ON op_target (op);
CREATE INDEX op_target_message ON op_target (message, mailbox);
CREATE INDEX op_target_open ON op_target (account, state) WHERE state < 2;
CREATE INDEX op_target_rejected ON op_target (op) WHERE state = 3;
