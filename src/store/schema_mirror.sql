-- mirror.db: what the server can give again. Committed with synchronous=NORMAL.

-- 'id' (this file), 'own' (the own.db it belongs to), 'content' (the content.db it belongs to),
-- 'next_mailbox' and 'next_message' (the next key to give out), 'new_ids' (rows of thread_id_new),
-- 'words_from' (all messages from that key on were looked at for first words).
CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE mailbox (
  key                 INTEGER PRIMARY KEY,
  account             INTEGER NOT NULL,
  name                TEXT    NOT NULL,            -- full, UTF-8
  delimiter           TEXT,
  role                TEXT,
  is_subscribed       INTEGER NOT NULL,
  is_selectable       INTEGER NOT NULL,
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
  base_unread         INTEGER NOT NULL DEFAULT 0,  -- by base flags
  stale               INTEGER NOT NULL DEFAULT 0,  -- placements of an era that is over
  UNIQUE (account, name)
) STRICT;

-- What lists and header search read of a message; the rest is in `cold`.
CREATE TABLE message (
  key            INTEGER PRIMARY KEY,
  account        INTEGER NOT NULL,
  is_here        INTEGER NOT NULL DEFAULT 0,  -- its text is in content.db
  has_attachment INTEGER NOT NULL DEFAULT 0,
  size           INTEGER NOT NULL,
  arrived        INTEGER NOT NULL,            -- seconds since 1970
  arrived_offset INTEGER NOT NULL,            -- minutes
  date           INTEGER,                     -- as the sender wrote it
  date_offset    INTEGER NOT NULL,
  parent         INTEGER NOT NULL DEFAULT 0,  -- hash of the id it answers; 0: none
  subject        TEXT    NOT NULL,
  sender         TEXT    NOT NULL,            -- From, see `sql::addresses_text`
  preview        TEXT    NOT NULL DEFAULT '',
  recipients     TEXT    NOT NULL,            -- To
  copies         TEXT    NOT NULL,            -- Cc
  message_id     TEXT    NOT NULL,
  email_id       TEXT
) STRICT;
CREATE INDEX message_missing ON message (account, arrived DESC, size) WHERE is_here = 0;
CREATE INDEX message_email ON message (email_id) WHERE email_id IS NOT NULL;

CREATE TABLE cold (
  message     INTEGER PRIMARY KEY,
  reply_to    TEXT NOT NULL,
  hidden      TEXT NOT NULL,                  -- Bcc
  in_reply_to TEXT NOT NULL,                  -- ids, one a line
  structure   TEXT NOT NULL                   -- BODYSTRUCTURE as JSON; empty: not known
) STRICT;

-- A message where it lies, in the order of the list. One such row is all that a view reads.
CREATE TABLE placement (
  mailbox    INTEGER NOT NULL,
  arrived    INTEGER NOT NULL,
  uid        INTEGER NOT NULL,                -- minus the message's key while not known
  message    INTEGER NOT NULL,
  thread     INTEGER NOT NULL,
  flags      INTEGER NOT NULL,                -- visible = base with what is pending
  base       INTEGER NOT NULL,                -- what the server said last
  words      TEXT    NOT NULL,                -- keywords, visible
  base_words TEXT    NOT NULL,
  mod_seq    INTEGER NOT NULL,
  has_refs   INTEGER NOT NULL,                -- References are known
  is_pending INTEGER NOT NULL,
  PRIMARY KEY (mailbox, arrived DESC, uid DESC)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX placement_uid ON placement (mailbox, uid DESC);
CREATE UNIQUE INDEX placement_message ON placement (message, mailbox);
CREATE INDEX placement_thread ON placement (thread, arrived DESC);
CREATE INDEX placement_no_refs ON placement (mailbox, uid DESC) WHERE has_refs = 0;
CREATE INDEX placement_pending ON placement (message) WHERE is_pending = 1;

-- The thread of every message id ever mentioned, by hash. New ones are collected in a small table
-- and moved in one go, because single hashes would touch a page of the large one each.
CREATE TABLE thread_id (
  hash   INTEGER PRIMARY KEY,
  thread INTEGER NOT NULL
) STRICT;
CREATE TABLE thread_id_new (
  hash   INTEGER PRIMARY KEY,
  thread INTEGER NOT NULL
) STRICT;

-- Threads that turned out to be part of an older one.
CREATE TABLE thread_merged (
  thread INTEGER PRIMARY KEY,
  into_  INTEGER NOT NULL
) STRICT;

-- Messages that name no parent, by subject and date. The period comes first, so that a pull, which
-- goes from the newest to the oldest, stays within a few pages.
CREATE TABLE thread_subject (
  period   INTEGER NOT NULL,  -- `arrived` in units of twice the time that an answer may take
  subject  INTEGER NOT NULL,  -- hash
  is_reply INTEGER NOT NULL,
  arrived  INTEGER NOT NULL,
  message  INTEGER NOT NULL,
  thread   INTEGER NOT NULL,
  PRIMARY KEY (period, subject, is_reply, arrived, message)
) STRICT, WITHOUT ROWID;

-- Messages that lie nowhere at the moment, but may turn up again under their EMAILID.
CREATE TABLE orphan (
  message INTEGER PRIMARY KEY
) STRICT;
