-- What was answered to invitations from here: one row for each event, the latest answer alone. It goes
-- when the message with the answer is taken back.
CREATE TABLE answer (
  account    INTEGER NOT NULL,
  uid        TEXT    NOT NULL,            -- the event, as its organizer names it
  recurrence TEXT    NOT NULL,            -- which one of a recurring event; empty: all
  state      TEXT    NOT NULL,            -- accepted, tentative, declined
  answered   INTEGER NOT NULL,            -- seconds since 1970
  draft      INTEGER NOT NULL,            -- the message with the answer
  PRIMARY KEY (account, uid, recurrence)
) STRICT, WITHOUT ROWID;
