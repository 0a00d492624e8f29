-- Messages that move, are copied and removed; folders; texts kept so that a deletion can be undone.

-- What a target does: 'flags', 'move', 'copy', 'append' (a copy from another account), 'remove'.
ALTER TABLE op_target ADD COLUMN verb TEXT NOT NULL DEFAULT 'flags';
ALTER TABLE op_target ADD COLUMN from_account INTEGER NOT NULL DEFAULT 0; -- where `message` lies; 0: `account`
ALTER TABLE op_target ADD COLUMN to_account INTEGER NOT NULL DEFAULT 0;
ALTER TABLE op_target ADD COLUMN to_mailbox INTEGER NOT NULL DEFAULT 0;   -- 0: none, or not bound
ALTER TABLE op_target ADD COLUMN to_name TEXT NOT NULL DEFAULT '';        -- who that is when mirror.db is lost
ALTER TABLE op_target ADD COLUMN made INTEGER NOT NULL DEFAULT 0;         -- the message there; of a move the same one
ALTER TABLE op_target ADD COLUMN via INTEGER NOT NULL DEFAULT 0;          -- the target that brought `message` here
ALTER TABLE op_target ADD COLUMN after INTEGER NOT NULL DEFAULT 0;        -- must be settled first
ALTER TABLE op_target ADD COLUMN undoes INTEGER NOT NULL DEFAULT 0;       -- the target that this one takes back
ALTER TABLE op_target ADD COLUMN bound INTEGER NOT NULL DEFAULT 0;        -- a copy sent has this id or a later one
ALTER TABLE op_target ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;         -- 1: its text is in `kept`, for an undo
CREATE INDEX op_target_via ON op_target (via) WHERE via <> 0;
CREATE INDEX op_target_after ON op_target (after) WHERE after <> 0;
CREATE INDEX op_target_to ON op_target (to_mailbox) WHERE state < 2 AND to_mailbox <> 0;

-- One row for each change of the tree; they are done in this order.
CREATE TABLE op_tree (
  key      INTEGER PRIMARY KEY AUTOINCREMENT,
  op       INTEGER NOT NULL,
  account  INTEGER NOT NULL,
  verb     TEXT    NOT NULL,             -- 'create', 'rename', 'delete', 'subscribe', 'unsubscribe'
  name     TEXT    NOT NULL,             -- as it is called when its turn comes
  to_name  TEXT    NOT NULL DEFAULT '',  -- of 'rename'
  role     TEXT    NOT NULL DEFAULT '',  -- of 'create': what it is for
  agreed   INTEGER NOT NULL DEFAULT 0,   -- of 'delete': messages that may be lost
  state    INTEGER NOT NULL DEFAULT 0,   -- as in op_target; 4 cancelled
  attempts INTEGER NOT NULL DEFAULT 0,
  next_try INTEGER NOT NULL DEFAULT 0,
  reason   TEXT    NOT NULL DEFAULT '',
  sent     INTEGER NOT NULL DEFAULT 0,   -- 1: the server may know of it
  followed TEXT    NOT NULL DEFAULT ''   -- of 'rename': what within was subscribed to, one a line
) STRICT;
CREATE INDEX op_tree_op ON op_tree (op);
CREATE INDEX op_tree_open ON op_tree (account) WHERE state < 2;

-- Texts of messages that were deleted for good, as content.db has them.
CREATE TABLE kept (
  target INTEGER PRIMARY KEY,
  at     INTEGER NOT NULL,
  size   INTEGER NOT NULL,
  bytes  BLOB    NOT NULL
) STRICT;
