-- Whose remote pictures are loaded when a message of theirs is opened: the user said so.
CREATE TABLE picture_sender (
  address TEXT PRIMARY KEY               -- in lower case, the host as A-labels
) STRICT, WITHOUT ROWID;
