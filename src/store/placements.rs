//! One row of `placement`: reading it, moving its base, folding what is pending onto it.
//!
//! Used by `messages`, `insert`, `journal`, `claims`. Visible flags must never be written but by the
//! fold, nor a count be changed but by the tally.

use super::Result;
use super::fold::{Pending, visible};
use super::sql::{self, Doing};
use crate::model::{FlagSet, MailboxKey, TargetKey};
use rusqlite::{Connection, OptionalExtension, Row};
use std::collections::BTreeMap;

/// A placement as it is on disk.
#[derive(Debug, Clone)]
pub(super) struct Placement {
    pub(super) mailbox: i64,
    pub(super) arrived: i64,
    pub(super) uid: i64,
    pub(super) message: i64,
    pub(super) thread: i64,
    pub(super) flags: FlagSet,
    pub(super) base: FlagSet,
    pub(super) mod_seq: i64,
    pub(super) has_refs: bool,
    pub(super) is_pending: bool,
    /// The target that brings it here; 0 once the mailbox itself has shown it.
    pub(super) via: i64,
    /// The id that the server said it would have.
    pub(super) hint: i64,
}

const COLUMNS: &str = "p.mailbox, p.arrived, p.uid, p.message, p.thread, p.flags, p.base, p.words, \
     p.base_words, p.mod_seq, p.has_refs, p.is_pending, p.via, p.hint";

impl Placement {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let set = |bits: usize, words: usize| -> rusqlite::Result<FlagSet> {
            let words = row.get_ref(words)?;
            Ok(FlagSet::from_stored(
                sql::bits(row.get(bits)?),
                words.as_str().unwrap_or_default(),
            ))
        };
        Ok(Self {
            mailbox: row.get(0)?,
            arrived: row.get(1)?,
            uid: row.get(2)?,
            message: row.get(3)?,
            thread: row.get(4)?,
            flags: set(5, 7)?,
            base: set(6, 8)?,
            mod_seq: row.get(9)?,
            has_refs: row.get(10)?,
            is_pending: row.get(11)?,
            via: row.get(12)?,
            hint: row.get(13)?,
        })
    }

    /// The placement with that id; negative ids are those of an era that is over.
    pub(super) fn by_uid(conn: &Connection, mailbox: i64, uid: i64) -> Result<Option<Self>> {
        conn.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM placement p WHERE p.mailbox = ?1 AND p.uid = ?2"
        ))
        .and_then(|mut s| s.query_row((mailbox, uid), Self::from_row).optional())
        .doing("reading a message")
    }

    /// The placement of a message in a mailbox.
    pub(super) fn of(conn: &Connection, message: i64, mailbox: i64) -> Result<Option<Self>> {
        conn.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM placement p WHERE p.message = ?1 AND p.mailbox = ?2"
        ))
        .and_then(|mut s| s.query_row((message, mailbox), Self::from_row).optional())
        .doing("reading a message")
    }

    /// All placements of a message.
    pub(super) fn all_of(conn: &Connection, message: i64) -> Result<Vec<Self>> {
        conn.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM placement p WHERE p.message = ?1 ORDER BY p.mailbox"
        ))
        .and_then(|mut s| s.query_map([message], Self::from_row)?.collect())
        .doing("reading a message")
    }

    /// Writes the row with its new base; what is pending is looked up only where there is any.
    pub(super) fn rebase(mut self, conn: &Connection, old: &Self, tally: &mut Tally) -> Result<()> {
        if old.is_pending {
            return self.refold(conn, old, &[], tally);
        }
        self.flags.clone_from(&self.base);
        self.write(conn, old, tally)
    }

    /// Folds what is pending onto `self.base`, except the targets in `done`, and writes the row
    /// where it differs from `old`, with the counts.
    pub(super) fn refold(
        mut self,
        conn: &Connection,
        old: &Self,
        done: &[TargetKey],
        tally: &mut Tally,
    ) -> Result<()> {
        let mut open = pending(conn, self.message, self.mailbox, Stay::here(self.via))?;
        open.retain(|p| !done.contains(&p.target));
        self.flags = visible(&self.base, &open);
        self.is_pending = !open.is_empty() || self.via != 0;
        self.write(conn, old, tally)
    }

    /// Writes the row where it differs from `old`, with the counts.
    pub(super) fn write(&self, conn: &Connection, old: &Self, tally: &mut Tally) -> Result<()> {
        let is_same = self.flags == old.flags
            && self.base == old.base
            && self.is_pending == old.is_pending
            && self.mod_seq == old.mod_seq
            && self.uid == old.uid
            && self.arrived == old.arrived
            && self.via == old.via
            && self.hint == old.hint;
        if is_same {
            return Ok(());
        }
        conn.prepare_cached(
            "UPDATE placement SET flags = ?4, base = ?5, words = ?6, base_words = ?7, mod_seq = ?8,
               is_pending = ?9, uid = ?10, arrived = ?11, via = ?12, hint = ?13
             WHERE mailbox = ?1 AND arrived = ?2 AND uid = ?3",
        )
        .and_then(|mut s| {
            s.execute((
                old.mailbox,
                old.arrived,
                old.uid,
                self.flags.bits(),
                self.base.bits(),
                self.flags.words(),
                self.base.words(),
                self.mod_seq,
                self.is_pending,
                self.uid,
                self.arrived,
                self.via,
                self.hint,
            ))
        })
        .doing("writing flags")?;
        let counts = tally.of(self.mailbox);
        counts.unread += sql::unread(self.flags.bits()) - sql::unread(old.flags.bits());
        counts.base_unread += self.base_unread() - old.base_unread();
        counts.is_touched = true;
        Ok(())
    }

    /// Shows other flags, with the counts, if the row is as it was read and nothing waited for it.
    /// Whether it is so.
    pub(super) fn mark(
        &self,
        conn: &Connection,
        flags: &FlagSet,
        tally: &mut Tally,
    ) -> Result<bool> {
        let rows = conn
            .prepare_cached(
                "UPDATE placement SET flags = ?4, words = ?5, is_pending = 1
                 WHERE mailbox = ?1 AND arrived = ?2 AND uid = ?3 AND message = ?6 AND via = ?7
                   AND flags = ?8 AND words = ?9 AND is_pending = 0",
            )
            .and_then(|mut s| {
                s.execute((
                    self.mailbox,
                    self.arrived,
                    self.uid,
                    flags.bits(),
                    flags.words(),
                    self.message,
                    self.via,
                    self.flags.bits(),
                    self.flags.words(),
                ))
            })
            .doing("writing flags")?;
        if rows == 0 {
            return Ok(false);
        }
        let counts = tally.of(self.mailbox);
        counts.unread += sql::unread(flags.bits()) - sql::unread(self.flags.bits());
        counts.is_touched = true;
        Ok(true)
    }

    /// What it counts for among the unread messages that the server has here.
    pub(super) fn base_unread(&self) -> i64 {
        if self.via == 0 {
            sql::unread(self.base.bits())
        } else {
            0
        }
    }

    /// Adds the row, with the counts.
    pub(super) fn insert(&self, conn: &Connection, tally: &mut Tally) -> Result<()> {
        let added = conn
            .prepare_cached(
            "INSERT OR IGNORE INTO placement (mailbox, arrived, uid, message, thread, flags, base,
               words, base_words, mod_seq, has_refs, is_pending, via, hint)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )
        .and_then(|mut s| {
            s.execute((
                self.mailbox,
                self.arrived,
                self.uid,
                self.message,
                self.thread,
                self.flags.bits(),
                self.base.bits(),
                self.flags.words(),
                self.base.words(),
                self.mod_seq,
                self.has_refs,
                self.is_pending,
                self.via,
                self.hint,
            ))
        })
        .doing("showing a message")?;
        if added == 0 {
            // It lies there already.
            return Ok(());
        }
        let counts = tally.of(self.mailbox);
        counts.total += 1;
        counts.unread += sql::unread(self.flags.bits());
        counts.base_unread += self.base_unread();
        counts.is_touched = true;
        Ok(())
    }

    /// Deletes the row; the counts are the caller's. Whether it was there.
    pub(super) fn delete(&self, conn: &Connection) -> Result<bool> {
        conn.prepare_cached(
            "DELETE FROM placement WHERE mailbox = ?1 AND arrived = ?2 AND uid = ?3",
        )
        .and_then(|mut s| s.execute((self.mailbox, self.arrived, self.uid)))
        .doing("removing messages")
        .map(|rows| rows > 0)
    }
}

/// One stay of a message in a mailbox: between the target that brought it and the one that takes
/// it away. A message can come back while it is still on its way out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stay {
    pub(super) after: i64,
    pub(super) before: i64,
}

impl Stay {
    /// The stay that goes on, begun by the target `via`.
    pub(super) const fn here(via: i64) -> Self {
        Self {
            after: via,
            before: i64::MAX,
        }
    }

    /// The stay that `target` ends.
    pub(super) const fn until(via: i64, target: i64) -> Self {
        Self {
            after: via,
            before: target,
        }
    }
}

pub(super) const PENDING: &str = "SELECT key, state, effect, sent FROM own.op_target
  WHERE message = ?1 AND mailbox = ?2 AND state < 2 AND verb = 'flags' AND key > ?3 AND key < ?4
  ORDER BY key";

/// The open changes of flags of a message during its stay in a mailbox, in the order in which they
/// were recorded.
pub(super) fn pending(
    conn: &Connection,
    message: i64,
    mailbox: i64,
    stay: Stay,
) -> Result<Vec<Pending>> {
    conn.prepare_cached(PENDING)
        .and_then(|mut s| {
            s.query_map((message, mailbox, stay.after, stay.before), |row| {
                let change = |at: usize| -> rusqlite::Result<_> {
                    Ok(sql::change(row.get_ref(at)?.as_str().unwrap_or_default()))
                };
                Ok(Pending {
                    target: TargetKey(row.get(0)?),
                    is_in_flight: row.get::<_, i64>(1)? == 1,
                    effect: change(2)?,
                    sent: change(3)?,
                })
            })?
            .collect()
        })
        .doing("reading pending changes")
}

/// How the counts of one mailbox change.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Counts {
    pub(super) total: i64,
    pub(super) unread: i64,
    pub(super) base_unread: i64,
    pub(super) server_unseen: i64,
    /// Rows changed, even if no count did.
    pub(super) is_touched: bool,
}

/// The changes of counts that a transaction adds up and writes at its end.
#[derive(Debug, Default)]
pub(super) struct Tally(BTreeMap<i64, Counts>);

impl Tally {
    /// The counts of a mailbox, to add to.
    pub(super) fn of(&mut self, mailbox: i64) -> &mut Counts {
        self.0.entry(mailbox).or_default()
    }

    /// Writes the counts.
    pub(super) fn write(&self, conn: &Connection) -> Result<()> {
        for (mailbox, c) in &self.0 {
            if c.total == 0 && c.unread == 0 && c.base_unread == 0 && c.server_unseen == 0 {
                continue;
            }
            conn.prepare_cached(
                "UPDATE mailbox SET total = max(0, total + ?2), unread = max(0, unread + ?3),
                   base_unread = max(0, base_unread + ?4),
                   server_unseen = max(0, server_unseen + ?5) WHERE key = ?1",
            )
            .and_then(|mut s| {
                s.execute((mailbox, c.total, c.unread, c.base_unread, c.server_unseen))
            })
            .doing("writing counts")?;
        }
        Ok(())
    }

    /// The mailboxes whose rows or counts changed.
    pub(super) fn changed(&self) -> Vec<MailboxKey> {
        self.0
            .iter()
            .filter(|(_, c)| c.is_touched)
            .map(|(mailbox, _)| MailboxKey(*mailbox))
            .collect()
    }
}
