-- Who was written to and who wrote, for the completion of addresses: one row for each account that
-- met them. How far the mirror was looked through is in `meta`: 'people_mark' (the key of a message)
-- and 'people_mirror' (the mirror that this key is of).
CREATE TABLE person (
  address   TEXT    NOT NULL,            -- in lower case, the host as A-labels: who it is
  account   INTEGER NOT NULL,
  shown     TEXT    NOT NULL,            -- the address as it was written last
  name      TEXT    NOT NULL,
  named     INTEGER NOT NULL,            -- when that name was used
  sent      INTEGER NOT NULL,            -- messages written to them
  due       INTEGER NOT NULL,            -- of these, sent from here and not met in a mailbox yet
  received  INTEGER NOT NULL,            -- messages had from them
  last_sent INTEGER NOT NULL,            -- seconds since 1970; 0: never
  last_seen INTEGER NOT NULL,
  heat      REAL    NOT NULL,            -- how often and how lately, see `people::Heat`
  PRIMARY KEY (address, account)
) STRICT, WITHOUT ROWID;
