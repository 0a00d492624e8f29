-- Messages that wait to be sent, or were just sent. Their bytes are files of the folder `outbox`.
CREATE TABLE outbox (
  key             INTEGER PRIMARY KEY AUTOINCREMENT,
  account         INTEGER NOT NULL,
  state           INTEGER NOT NULL,            -- 0 held, 1 queued, 2 scheduled, 3 sending, 4 unconfirmed,
                                               -- 5 failed, 6 sent, 7 cancelled, 8 filed
  draft           INTEGER NOT NULL DEFAULT 0,  -- the draft it was made from; 0: given as bytes
  file            TEXT    NOT NULL,            -- its name in the folder
  size            INTEGER NOT NULL,
  has_8bit        INTEGER NOT NULL,
  has_utf8_header INTEGER NOT NULL,
  wants_report    INTEGER NOT NULL,
  sender          TEXT    NOT NULL,            -- of the envelope
  subject         TEXT    NOT NULL,
  message_id      TEXT    NOT NULL,            -- without angle brackets
  has_twin        INTEGER NOT NULL,            -- 1: another message here has that id
  original        INTEGER NOT NULL DEFAULT 0,  -- the message that it answers or passes on
  mark            TEXT    NOT NULL DEFAULT '', -- the flag which that gets; empty: it has it
  not_before      INTEGER NOT NULL DEFAULT 0,  -- seconds since 1970, as all that follow
  created_at      INTEGER NOT NULL,
  changed_at      INTEGER NOT NULL,
  attempts        INTEGER NOT NULL DEFAULT 0,
  first_try       INTEGER NOT NULL DEFAULT 0,
  next_try        INTEGER NOT NULL DEFAULT 0,
  error           TEXT    NOT NULL DEFAULT '',
  is_ending       INTEGER NOT NULL DEFAULT 0,  -- 1: its end was about to be sent, so the server may have it
  copy            INTEGER NOT NULL DEFAULT 0,  -- 0 none is due, 1 to be filed, 2 perhaps filed, 3 filed or not wanted
  copy_era        INTEGER NOT NULL DEFAULT 0,  -- of 2: the copy has this UIDVALIDITY
  copy_bound      INTEGER NOT NULL DEFAULT 0,  -- of 2: and this id or a later one
  copy_looks      INTEGER NOT NULL DEFAULT 0,  -- how often it was looked for in vain
  copy_next       INTEGER NOT NULL DEFAULT 0,
  copy_error      TEXT    NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX outbox_open ON outbox (account, state) WHERE state < 7;
CREATE INDEX outbox_message_id ON outbox (message_id);

CREATE TABLE outbox_recipient (
  item    INTEGER NOT NULL,
  place   INTEGER NOT NULL,
  address TEXT    NOT NULL,
  state   INTEGER NOT NULL DEFAULT 0,          -- 0 due, 1 delivered, 2 unknown, 3 refused
  said    TEXT    NOT NULL DEFAULT '',
  PRIMARY KEY (item, place)
) STRICT, WITHOUT ROWID;
