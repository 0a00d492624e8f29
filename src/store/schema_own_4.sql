-- Drafts: what is being written, and the copies of it that servers have.

CREATE TABLE draft (
  key          INTEGER PRIMARY KEY AUTOINCREMENT,
  account      INTEGER NOT NULL,
  content      TEXT    NOT NULL,            -- model::Draft as JSON, without what is in draft_bytes
  aside        TEXT    NOT NULL,            -- which bytes of attachments are there: [[index, hash], …]
  caret        TEXT    NOT NULL,            -- model::Caret as JSON
  version      INTEGER NOT NULL DEFAULT 1,  -- counts the changes of its content
  begun        INTEGER NOT NULL,            -- hash of the words that it began with
  state        INTEGER NOT NULL DEFAULT 0,  -- 0 being written, 1 left, 2 sent, 3 discarded
  writer       INTEGER NOT NULL,            -- the session that writes it; 0: none
  is_recovered INTEGER NOT NULL DEFAULT 0,  -- 1: that session ended without leaving it
  changed_at   INTEGER NOT NULL,            -- seconds since 1970
  copied       INTEGER NOT NULL DEFAULT 0,  -- the version that the mailbox of drafts has; 0: none
  copy_at      INTEGER NOT NULL DEFAULT 0   -- not to be copied before
) STRICT;
CREATE INDEX draft_open ON draft (account) WHERE state < 2;

-- Bytes of attachments that are nowhere else, put aside so that keeping a draft stays quick.
CREATE TABLE draft_bytes (
  draft INTEGER NOT NULL,
  hash  TEXT    NOT NULL,
  bytes BLOB    NOT NULL,
  PRIMARY KEY (draft, hash)
) STRICT;

-- Each copy that a server has or may have. It has a Message-ID of its own, by which it is found.
CREATE TABLE draft_copy (
  key          INTEGER PRIMARY KEY AUTOINCREMENT,
  draft        INTEGER NOT NULL,
  account      INTEGER NOT NULL,
  mailbox      TEXT    NOT NULL,            -- the server's name of it
  message_id   TEXT    NOT NULL,            -- may be empty where another client wrote it
  uid_validity INTEGER NOT NULL DEFAULT 0,
  uid          INTEGER NOT NULL DEFAULT 0,  -- 0: not told
  version      INTEGER NOT NULL,            -- of the draft; 0: another client wrote it
  state        INTEGER NOT NULL,            -- 0 on its way, 1 there, 2 to be removed, 3 was not found
  since        INTEGER NOT NULL             -- seconds since 1970
) STRICT;
CREATE INDEX draft_copy_draft ON draft_copy (draft);
CREATE INDEX draft_copy_account ON draft_copy (account);
