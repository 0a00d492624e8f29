-- local.db: the mailboxes of accounts whose mail is kept here, and nowhere else (POP3). Committed with
-- synchronous=FULL, never thrown away. To the rest of the program this file is a server: what lists
-- and readers show of it is in mirror.db, as of any other.

-- Facts about the file: 'next_era' (the UIDVALIDITY of the next mailbox), 'changes' (how often it was
-- written to).
CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE mailbox (
  key           INTEGER PRIMARY KEY AUTOINCREMENT,
  account       TEXT    NOT NULL,            -- its name in the configuration
  name          TEXT    NOT NULL,            -- full, with `/`
  role          TEXT,
  is_subscribed INTEGER NOT NULL DEFAULT 1,
  uid_validity  INTEGER NOT NULL,
  uid_next      INTEGER NOT NULL DEFAULT 1,
  mod_seq       INTEGER NOT NULL DEFAULT 1,  -- of the latest change
  UNIQUE (account, name)
) STRICT;

-- A message where it lies.
CREATE TABLE item (
  mailbox        INTEGER NOT NULL,
  uid            INTEGER NOT NULL,
  raw            INTEGER NOT NULL,
  flags          INTEGER NOT NULL,
  words          TEXT    NOT NULL,            -- keywords
  arrived        INTEGER NOT NULL,            -- seconds since 1970
  arrived_offset INTEGER NOT NULL,            -- minutes
  mod_seq        INTEGER NOT NULL,
  PRIMARY KEY (mailbox, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX item_raw ON item (raw);
CREATE INDEX item_mod_seq ON item (mailbox, mod_seq);

-- The exact bytes, zstd. The small columns come first, so that they are read without the large one.
CREATE TABLE raw (
  key        INTEGER PRIMARY KEY AUTOINCREMENT,
  size       INTEGER NOT NULL,                -- before compression
  message_id TEXT    NOT NULL,                -- without angle brackets
  drop_size  INTEGER NOT NULL DEFAULT 0,      -- of a message of which only the header is here: how large it is
  bytes      BLOB    NOT NULL
) STRICT;
CREATE INDEX raw_message_id ON raw (message_id);

-- What was seen in the maildrop of an account (RFC 1939), and what became of it. In the same file as
-- the messages, so that a message and what is known of it can only be stored together.
CREATE TABLE maildrop (
  key        INTEGER PRIMARY KEY AUTOINCREMENT,
  account    TEXT    NOT NULL,
  uidl       TEXT    NOT NULL,                -- its unique id; empty: the server gives none
  size       INTEGER NOT NULL,                -- as the server announced it
  probe      TEXT    NOT NULL,                -- digest of its beginning
  digest     TEXT    NOT NULL,                -- digest of all of it; empty: not fetched whole
  raw        INTEGER NOT NULL,
  place      INTEGER NOT NULL,                -- grows with the order of the listing
  first_seen INTEGER NOT NULL,                -- by `drop_clock`
  stored_at  INTEGER NOT NULL,                -- when it was here as a whole, by `drop_clock`; 0: it is not, or not for certain
  is_wanted  INTEGER NOT NULL DEFAULT 0,      -- 1: to be fetched whole, though it is large
  deletion   INTEGER NOT NULL DEFAULT 0       -- 0 none, 1 sent and not confirmed, 2 confirmed
) STRICT;
CREATE INDEX maildrop_account ON maildrop (account);
CREATE INDEX maildrop_raw ON maildrop (raw);

-- How much time has passed for an account, see `drop_clock`.
CREATE TABLE drop_clock (
  account TEXT    PRIMARY KEY,
  counted INTEGER NOT NULL,
  mark    INTEGER NOT NULL,
  odd     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
