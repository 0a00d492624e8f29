-- The tree as the server has it beside the tree as it is shown; messages on their way.

CREATE TABLE mailbox_new (
  key                 INTEGER PRIMARY KEY,
  account             INTEGER NOT NULL,
  name                TEXT    NOT NULL,            -- full, UTF-8, as shown
  server_name         TEXT,                        -- as the server has it; NULL: not yet there
  delimiter           TEXT,
  role                TEXT,
  is_subscribed       INTEGER NOT NULL,            -- as shown
  base_subscribed     INTEGER NOT NULL,            -- as the server has it
  is_selectable       INTEGER NOT NULL,
  is_gone             INTEGER NOT NULL DEFAULT 0,  -- hidden by a deletion that waits
  is_pending          INTEGER NOT NULL DEFAULT 0,
  made_by             INTEGER NOT NULL DEFAULT 0,  -- the row of own.op_tree that makes it
  namespace           TEXT    NOT NULL DEFAULT '', -- '', 'other_users', 'shared'
  rights              TEXT,                        -- letters of MYRIGHTS; NULL: not told
  uid_validity        INTEGER,                     -- the cursor: how far we are in step
  uid_next            INTEGER,
  mod_seq             INTEGER NOT NULL DEFAULT 0,
  is_complete         INTEGER NOT NULL DEFAULT 0,
  server_messages     INTEGER,                     -- what the server said last
  server_unseen       INTEGER,
  server_uid_next     INTEGER,
  server_uid_validity INTEGER,
  server_mod_seq      INTEGER,
  total               INTEGER NOT NULL DEFAULT 0,  -- counts of placement, kept with every write
  unread              INTEGER NOT NULL DEFAULT 0,  -- by visible flags
  base_unread         INTEGER NOT NULL DEFAULT 0,  -- by base flags, of what the server has here
  stale               INTEGER NOT NULL DEFAULT 0   -- placements of an era that is over
) STRICT;
INSERT INTO mailbox_new (key, account, name, server_name, delimiter, role, is_subscribed,
    base_subscribed, is_selectable, uid_validity, uid_next, mod_seq, is_complete, server_messages,
    server_unseen, server_uid_next, server_uid_validity, server_mod_seq, total, unread, base_unread,
    stale)
  SELECT key, account, name, name, delimiter, role, is_subscribed, is_subscribed, is_selectable,
    uid_validity, uid_next, mod_seq, is_complete, server_messages, server_unseen, server_uid_next,
    server_uid_validity, server_mod_seq, total, unread, base_unread, stale FROM mailbox;
DROP TABLE mailbox;
ALTER TABLE mailbox_new RENAME TO mailbox;
CREATE INDEX mailbox_name ON mailbox (account, name);
CREATE UNIQUE INDEX mailbox_server_name ON mailbox (account, server_name) WHERE server_name IS NOT NULL;

-- Of a message that is on its way here: the row of own.op_target that brings it, and the id that
-- the server said it has. Until the mailbox itself shows it, `uid` is minus the message's key.
ALTER TABLE placement ADD COLUMN via INTEGER NOT NULL DEFAULT 0;
ALTER TABLE placement ADD COLUMN hint INTEGER NOT NULL DEFAULT 0;

-- What is shown no more where it lies, but is still there on the server.
CREATE TABLE leaving (
  target     INTEGER PRIMARY KEY,      -- the row of own.op_target that takes it away
  mailbox    INTEGER NOT NULL,
  arrived    INTEGER NOT NULL,
  uid        INTEGER NOT NULL,
  message    INTEGER NOT NULL,
  thread     INTEGER NOT NULL,
  base       INTEGER NOT NULL,
  base_words TEXT    NOT NULL,
  mod_seq    INTEGER NOT NULL,
  has_refs   INTEGER NOT NULL,
  via        INTEGER NOT NULL,
  hint       INTEGER NOT NULL
) STRICT;
CREATE INDEX leaving_uid ON leaving (mailbox, uid);
CREATE INDEX leaving_message ON leaving (message, mailbox);
